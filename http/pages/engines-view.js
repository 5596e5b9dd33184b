/**
 * The tab "Engines": live engines, one's own or for administrators everybody's, and for administrators the hosts that they run
 * on. Asked for only while the tab is seen.
 */
import {ApiError, call} from './api.js';
import {createRows, write} from './element.js';
import {createEngineKill} from './engine-kill.js';
import {createEngineRow, engineWord} from './engine-row.js';
import {createHostCard} from './host-card.js';
import {createPoll} from './poll.js';

/** @import {Engine} from './engine-row.js' */
/** @import {Host} from './host-card.js' */

const refreshMs = 3000;
/** More rows than these nobody reads; the filter finds the others. */
const shownMax = 200;
const refusedStatus = 1;

/** @param {HTMLElement} place */
export function createEnginesView(place) {
  /** @param {string} selector @returns {any} */
  const one = selector => place.querySelector(selector);
  const [problem, filter] = [one('.problem'), one('input')];
  const poll = createPoll(refresh, refreshMs);
  const kill = createEngineKill(one('dialog'), () => void poll.now());
  const showEngines = createRows(one('tbody'), (/** @type {Engine} */ engine) =>
    createEngineRow(engine, kill.ask),
  );
  const showHosts = createRows(one('#hosts ol'), createHostCard);
  /** Undefined: not asked yet. @type {boolean | undefined} */
  let isForAdmins;
  /** @type {Engine[]} */
  let engines = [];
  let nowMs = 0;

  /** @param {() => boolean} isWanted */
  async function refresh(isWanted) {
    try {
      const [list, hosts] = await Promise.all([call('engines/list'), askForHosts()]);
      if (!isWanted()) return;
      ({engines, at: nowMs} = list);
      write(problem, '');
      drawEngines();
      drawHosts(hosts);
      // Not before the hosts, which would push it down.
      one('#engine-list').hidden = false;
    } catch (error) {
      if (!isWanted()) return;
      const why = error instanceof ApiError ? error.message : 'The node does not answer.';
      write(problem, `${why} This is how it was.`);
    }
  }

  /** Null: not for us, which asking again does not change. @returns {Promise<Host[] | null>} */
  async function askForHosts() {
    if (isForAdmins === false) return null;
    try {
      const {ecms} = await call('engines/ecms');
      isForAdmins = true;
      return ecms;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === refusedStatus)) throw error;
      isForAdmins = false;
      return null;
    }
  }

  function drawEngines() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = engines
      .filter(engine => words.every(word => textOf(engine).includes(word)))
      .toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
    const shown = found.slice(0, shownMax);
    showEngines(
      shown.map(engine => ({...engine, now: nowMs})),
      ({engineId}) => engineId,
    );
    const busy = engines.filter(({status}) => status === 'Busy').length;
    write(one('.count'), engines.length === 0 ? '' : `${busy} of ${engines.length} busy`);
    one('.table').hidden = shown.length === 0;
    one('.empty').hidden = shown.length > 0;
    write(
      one('.empty'),
      engines.length === 0
        ? 'No engine lives now. One is started for the first job that needs it, and kept for a while for the next.'
        : `None of ${engines.length} engines matches “${filter.value}”.`,
    );
    const hidden = found.length - shown.length;
    write(one('.more'), hidden === 0 ? '' : `${hidden} more are not shown. Filter to find them.`);
    // Whether there is something to filter is no reason for the rows to move.
    one('.filter').classList.toggle('needless', engines.length < 2 && filter.value === '');
  }

  /** @param {Host[] | null} hosts */
  function drawHosts(hosts) {
    one('#hosts').hidden = hosts === null;
    const shown = (hosts ?? []).map(host => {
      const here = engines.filter(({ecm}) => ecm === host.instance);
      const rssBytes = here.reduce((sum, {metrics}) => sum + (metrics?.rssBytes ?? 0), 0);
      return {...host, rssBytes, now: nowMs};
    });
    showHosts(shown, ({instance}) => instance);
    one('#hosts .none').hidden = shown.length > 0;
  }

  filter.addEventListener('input', drawEngines);

  return {
    show: poll.start,
    pause: poll.stop,
    leave() {
      poll.stop();
      kill.close();
      isForAdmins = undefined;
      engines = [];
      filter.value = '';
      showEngines([], ({engineId}) => engineId);
      showHosts([], ({instance}) => instance);
      one('#hosts').hidden = true;
      one('#engine-list').hidden = true;
      write(problem, '');
    },
  };
}

/** What the filter looks into. @param {Engine} engine */
const textOf = engine =>
  [
    `${engine.engineType}-${engine.version}`,
    engine.engineId,
    engine.user,
    engine.creator,
    engine.tenant,
    engineWord(engine),
    engine.ecm,
    engine.taskID === null ? '' : `job ${engine.taskID}`,
  ]
    .join(' ')
    .toLowerCase();

/** @param {Engine} engine */
const orderOf = ({user, creator, engineType, startedAt, engineId}) =>
  [user, creator, engineType, String(startedAt).padStart(16, '0'), engineId].join('\n');
