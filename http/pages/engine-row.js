/** One live engine as a row: what it is, whose, what it does, and what it takes. */
import {printAge, printMemory, printMemoryShare} from './amounts.js';
import {breakable, button, make, write} from './element.js';
import {createMeter, createSparkline} from './meter.js';

/** @typedef {{memoryBytes: number, cores: number, instances: number}} Resources */
/**
 * As `engines/list` answers.
 *
 * @typedef {{engineId: string, instance: string, engineType: string, version: string, user: string, creator: string,
 *   tenant: string, status: string, health: string, ecm: string, taskID: number | null, jobCount: number,
 *   startedAt: number, updatedAt: number, reserved: Resources,
 *   metrics: {rssBytes: number, cpuShare: number, at: number} | null}} Engine
 */

/** @type {Readonly<Record<string, string>>} */
const words = {Starting: 'starting', Unlock: 'idle', Busy: 'busy', ShuttingDown: 'ending', Failed: 'failed'};

/** Linkis' name for an idle engine says nothing to people. @param {{status: string}} engine */
export const engineWord = ({status}) => words[status] ?? status.toLowerCase();

/** @param {Engine} first @param {(engine: Engine) => void} askToKill */
export function createEngineRow(first, askToKill) {
  const {engineId, engineType, version, user, creator, tenant, ecm, startedAt} = first;
  const state = make('span', 'state');
  const health = make('span', 'health');
  const job = make('a', 'job');
  const jobs = make('span', 'jobs');
  const time = make('span', 'time');
  const memory = createMeter(`Memory of engine ${engineId}, of what is reserved for it`);
  const cpu = createSparkline(`Processor use of engine ${engineId} over the last minutes`);
  const kill = button('Kill…', 'quiet kill');
  kill.setAttribute('aria-label', `Kill engine ${engineId}`);
  /** @type {Engine} */
  let shown = first;
  kill.addEventListener('click', () => askToKill(shown));
  const whose = make('span', 'sub', tenant === '' ? creator : `${creator} · ${tenant}`);
  const idle = createIdleTime(startedAt);

  const element = make('tr', '');
  element.setAttribute('role', 'row');
  element.append(
    cell('engine', 'Engine', make('span', 'name', `${engineType}-${version}`), make('span', 'sub', engineId)),
    cell('user', 'User', make('span', '', user), whose),
    cell('status', 'Status', make('span', 'word', make('span', 'dot'), state), health),
    cell('work', 'Job', job, jobs),
    cell('host', 'Host', make('span', 'mono', ...breakable(ecm))),
    cell('memory', 'Memory', memory.element),
    cell('cpu', 'CPU', cpu.element),
    cell('idle', 'Idle', time),
    cell('actions', '', kill),
  );

  let measuredAt = 0;
  return {
    element,
    /** @param {Engine & {now: number}} engine `now`: of the server */
    show(engine) {
      shown = engine;
      const {status, taskID, jobCount, metrics, reserved, now} = engine;
      element.className = engineWord(engine);
      write(state, engineWord(engine));
      write(health, engine.health === 'Healthy' ? '' : engine.health.toLowerCase());
      job.hidden = taskID === null;
      if (taskID !== null) job.href = `#${taskID}`;
      write(job, taskID === null ? '' : `job ${taskID}`);
      write(jobs, jobCount === 1 ? '1 so far' : `${jobCount} so far`);
      memory.show({
        value: metrics?.rssBytes ?? 0,
        max: reserved.memoryBytes > 0 ? reserved.memoryBytes : null,
        text: memoryTextOf(engine),
      });
      // A measurement that has been drawn is not drawn again.
      if (metrics === null) cpu.push(undefined, '–');
      else if (metrics.at !== measuredAt)
        cpu.push(metrics.cpuShare, `${Math.round(metrics.cpuShare * 100)} %`);
      measuredAt = metrics?.at ?? 0;
      write(time, idle(status, jobCount, now));
      kill.disabled = status === 'ShuttingDown';
    },
  };
}

/** Of what is reserved for it, as far as that and what it uses are known. @param {Engine} engine */
function memoryTextOf({metrics, reserved: {memoryBytes}}) {
  if (metrics === null) return memoryBytes > 0 ? `– / ${printMemory(memoryBytes)}` : '–';
  return memoryBytes > 0 ? printMemoryShare(metrics.rssBytes, memoryBytes) : printMemory(metrics.rssBytes);
}

/**
 * Since when an engine is idle nobody tells, so it is since this page saw it become so, or since its start when it never had
 * a job; seen idle from the first it is for at least that long.
 *
 * @param {number} startedAt
 */
function createIdleTime(startedAt) {
  /** @type {number | undefined} */
  let sinceMs;
  let wasSeenBusy = false;
  /** @param {string} status @param {number} jobCount @param {number} nowMs */
  return (status, jobCount, nowMs) => {
    if (status !== 'Unlock') {
      wasSeenBusy = true;
      sinceMs = undefined;
      return '';
    }
    sinceMs ??= jobCount === 0 ? startedAt : nowMs;
    return `${wasSeenBusy || jobCount === 0 ? '' : '≥ '}${printAge(nowMs - sinceMs)}`;
  };
}

/** On a phone rows are cards, and the label stands before what it says. @param {string} name @param {string} label @param {Node[]} content */
function cell(name, label, ...content) {
  const made = make('td', name, ...content);
  made.setAttribute('role', 'cell');
  if (label !== '') made.dataset.label = label;
  return made;
}
