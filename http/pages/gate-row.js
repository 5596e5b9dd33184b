/** One gate that a job has not passed: how full it is, what stands in the way, what opens it, and who holds it. */
import {printMemory, printMemoryShare, printShare, printTime} from './amounts.js';
import {createRows, make, write} from './element.js';
import {createMeter} from './meter.js';

/**
 * As `entrance/{id}/why` answers.
 *
 * @typedef {{gate: string, unit: string, value: number, limit: number, what: string, opens: string,
 *   holders: {who: string, holds: number}[]}} Gate
 */

/** @type {Readonly<Record<string, string>>} */
const titles = {
  route: 'Entrance',
  group: 'Queue of its group',
  tenant: 'Tenant',
  priority: 'Priority',
  retry: 'Next attempt',
  user: 'Quota',
  engineType: 'Engine type',
  ecm: 'Hosts',
  engine: 'Engine',
  manager: 'Manager',
  database: 'Database',
};

/** These tell of one limit being waited for rather than of a share in use. */
const unmeasured = new Set(['priority', 'route', 'database']);

/** @param {Gate} first */
export function createGateRow({gate}) {
  const meter = createMeter(`How full: ${titles[gate] ?? gate}`);
  const what = make('p', 'what');
  const opens = make('p', 'opens');
  const count = make('summary', '');
  const list = make('ul', '');
  const holders = make('details', 'holders', count, list);
  const showHolders = createRows(list, createHolder);
  const name = make('h4', '', titles[gate] ?? gate);
  const element = make(
    'li',
    `gate ${gate}`,
    make('div', 'measure', name, meter.element),
    what,
    opens,
    holders,
  );

  return {
    element,
    /** @param {Gate} shown */
    show(shown) {
      const {value, limit, unit} = shown;
      meter.element.hidden = unmeasured.has(gate);
      meter.show({value, max: limit, text: shareText(shown)});
      write(what, shown.what);
      write(opens, shown.opens);
      holders.hidden = shown.holders.length === 0;
      write(count, `${shown.holders.length} ${shown.holders.length === 1 ? 'holder' : 'holders'}`);
      const held = shown.holders.map(holder => ({...holder, unit}));
      showHolders(held, ({who}) => who);
    },
  };
}

/** @param {{who: string}} holder */
function createHolder({who}) {
  const [, taskID] = /^job (\d+)$/.exec(who) ?? [];
  const name = taskID === undefined ? make('span', 'who', who) : make('a', 'who', who);
  if (taskID !== undefined) name.href = `#${taskID}`;
  const holds = make('span', 'holds');
  return {
    element: make('li', '', name, ' ', holds),
    /** @param {{holds: number, unit: string}} holder */
    show: holder => write(holds, amountText(holder.holds, holder.unit)),
  };
}

/** @param {Gate} gate */
function shareText({unit, value, limit}) {
  if (unit === 'memoryBytes') return printMemoryShare(value, limit);
  if (unit === 'ms') return `${printTime(value)} left`;
  return `${printShare(value, limit)} ${unitName(unit)}`;
}

/** @param {number} amount @param {string} unit */
function amountText(amount, unit) {
  if (unit === 'memoryBytes') return printMemory(amount);
  // One job that holds one job is said by its name.
  if (unit === 'jobs' && amount === 1) return '';
  const name = unitName(unit);
  return `${amount} ${amount === 1 ? name.replace(/s$/, '') : name}`;
}

/** @param {string} unit */
const unitName = unit => (unit === 'instances' ? 'engines' : unit);
