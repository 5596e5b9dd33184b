/** A host of engines as a card: how it is, and its capacity against what is reserved and what is really in use. */
import {printAge, printCount, printMemoryShare, printShare} from './amounts.js';
import {breakable, make, write} from './element.js';
import {createMeter} from './meter.js';

/** @import {Resources} from './engine-row.js' */
/**
 * As `engines/ecms` answers.
 *
 * @typedef {{instance: string, health: string, healthReason: string, labels: Record<string, string>,
 *   engineTypes: string[], capacity: Resources, used: Resources, startedAt: number, description: string,
 *   load: {memoryBytesTotal: number, memoryBytesFree: number, cpuCount: number, cpuShare: number,
 *     loadAverage: number} | null}} Host
 */

/** @type {Readonly<Record<string, string>>} */
const words = {
  Healthy: 'healthy',
  UnHealthy: 'unhealthy',
  WARN: 'warning',
  StockAvailable: 'room left',
  StockUnavailable: 'full',
};

/** @param {Host} first */
export function createHostCard({instance}) {
  const state = make('span', '');
  const health = make('span', 'health', make('span', 'dot'), state);
  const reason = make('p', 'reason');
  const about = make('p', 'about');
  const chips = make('p', 'chips');
  const memory = createMeter(`Memory reserved at ${instance}`);
  const real = createMeter(`Memory that engines really use at ${instance}`);
  const host = createMeter(`Memory in use of the whole host ${instance}`);
  const cores = createMeter(`Cores reserved at ${instance}`);
  const cpu = createMeter(`Processors in use at ${instance}`);
  const engines = createMeter(`Engines at ${instance}`);
  const meters = make(
    'dl',
    'meters',
    ...line('Memory reserved', memory),
    ...line('Memory used', real),
    ...line('Host memory', host),
    ...line('Cores reserved', cores),
    ...line('Processors', cpu),
    ...line('Engines', engines),
  );
  const head = make('div', 'head', make('h3', '', ...breakable(instance)), health);
  const element = make('li', '', head, reason, meters, chips, about);

  return {
    element,
    /** @param {Host & {rssBytes: number, now: number}} shown `rssBytes`: of its engines */
    show(shown) {
      const {capacity, used, load, rssBytes} = shown;
      element.className = shown.health;
      write(state, words[shown.health] ?? shown.health);
      write(reason, reasonOf(shown));
      memory.show({
        value: used.memoryBytes,
        max: capacity.memoryBytes,
        text: printMemoryShare(used.memoryBytes, capacity.memoryBytes),
      });
      real.show({
        value: rssBytes,
        max: capacity.memoryBytes,
        text: printMemoryShare(rssBytes, capacity.memoryBytes),
      });
      cores.show({value: used.cores, max: capacity.cores, text: printShare(used.cores, capacity.cores)});
      engines.show({
        value: used.instances,
        max: capacity.instances,
        text: printShare(used.instances, capacity.instances),
      });
      showLoad(load);
      showChips(chips, shown);
      const age = `up ${printAge(shown.now - shown.startedAt)}`;
      write(about, shown.description === '' ? age : `${shown.description} · ${age}`);
    },
  };

  /** @param {Host['load']} load */
  function showLoad(load) {
    if (load === null) {
      for (const meter of [host, cpu]) meter.show({value: 0, max: null, text: 'not measured'});
      return;
    }
    const {memoryBytesTotal: total, memoryBytesFree: free, cpuCount, cpuShare, loadAverage} = load;
    host.show({value: total - free, max: total, text: printMemoryShare(total - free, total)});
    cpu.show({
      value: cpuShare,
      max: 1,
      text: `${Math.round(cpuShare * 100)} % of ${cpuCount}`,
    });
    cpu.element.title = `Load average ${printCount(loadAverage)}`;
  }
}

/** A sentence. @param {Host} host */
function reasonOf({health, healthReason}) {
  if (healthReason === '') return health === 'Healthy' ? 'It takes new engines.' : 'Nobody has said why.';
  const [first = '', ...rest] = healthReason;
  return `${first.toUpperCase()}${rest.join('')}${/[.!]$/.test(healthReason) ? '' : '.'}`;
}

/** @param {string} name @param {{element: HTMLElement}} meter */
const line = (name, {element}) => [make('dt', '', name), make('dd', '', element)];

/** @param {HTMLElement} place @param {Host} host */
function showChips(place, {engineTypes, labels}) {
  const texts = [...engineTypes, ...Object.entries(labels).map(([key, value]) => `${key}=${value}`)];
  if (texts.join('\n') === [...place.children].map(chip => chip.textContent).join('\n')) return;
  place.replaceChildren(...texts.map(text => make('span', 'chip', text)));
}
