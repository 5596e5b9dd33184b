/**
 * "Why is my job waiting?": what a job has to pass and has not, asked again while somebody looks; its priority; and for every
 * job where its time went.
 */
import {ApiError, call} from './api.js';
import {printAge} from './amounts.js';
import {createRows, write} from './element.js';
import {createGateRow} from './gate-row.js';
import {createPoll} from './poll.js';
import {createTimelineBar} from './timeline-bar.js';

/** @import {Gate} from './gate-row.js' */

/**
 * As `entrance/{id}/why` answers.
 *
 * @typedef {{taskID: number, status: string, priority: number, gates: Gate[], position?: number,
 *   eta?: {ms: number, basis: string}, timeline: {cause: string, ms: number}[]}} Why
 */

const refreshMs = 2000;
const ended = new Set(['Succeed', 'Failed', 'Cancelled', 'Timeout']);

/** @param {HTMLElement} panel @param {HTMLElement} timeline */
export function createWhyView(panel, timeline) {
  /** @param {string} selector @returns {any} */
  const one = selector => panel.querySelector(selector);
  const form = one('form');
  const input = one('input');
  const problem = one('.problem');
  const showGates = createRows(one('ol'), createGateRow);
  const showTimeline = createTimelineBar(timeline);
  /** @type {number | undefined} */
  let taskID;
  /** What somebody types is not overwritten by what holds. */
  let isTyping = false;

  /** @param {Why} why */
  function show(why) {
    const isOver = ended.has(why.status);
    showTimeline(why.timeline);
    timeline.hidden = why.timeline.every(({ms}) => ms === 0);
    // Nothing holds up a job that runs, except when what it needs is away.
    panel.hidden = isOver || (why.status === 'Running' && why.gates.length === 0);
    write(one('.place'), placeOf(why));
    write(one('.basis'), why.eta === undefined ? '' : `Reckoned from: ${why.eta.basis}.`);
    showGates(why.gates, gateKey(why.gates));
    one('.free').hidden = why.gates.length > 0;
    form.hidden = why.position === undefined;
    if (!isTyping) input.value = String(why.priority);
    if (isOver) poll.stop();
  }

  const poll = createPoll(async isWanted => {
    try {
      const why = /** @type {Why} */ (await call(`rest_j/v1/entrance/${taskID}/why`));
      if (!isWanted()) return;
      if (problem.textContent === stale) write(problem, '');
      show(why);
    } catch (error) {
      if (!isWanted()) return;
      // A refusal is the answer; that nobody answers passes.
      if (error instanceof ApiError) poll.stop();
      else write(problem, stale);
    }
  }, refreshMs);

  input.addEventListener('input', () => {
    isTyping = true;
  });
  input.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape') return;
    isTyping = false;
    void poll.now();
  });
  form.addEventListener('submit', async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const asked = taskID;
    write(problem, '');
    write(one('.done'), '');
    try {
      const {priority} = await call(`rest_j/v1/entrance/${asked}/priority`, {priority: Number(input.value)});
      if (asked !== taskID) return;
      isTyping = false;
      write(one('.done'), `Its priority is ${priority} now.`);
    } catch (error) {
      if (asked !== taskID) return;
      write(problem, error instanceof Error ? error.message : String(error));
    }
    void poll.now();
  });

  function clear() {
    poll.stop();
    taskID = undefined;
    isTyping = false;
    panel.hidden = true;
    timeline.hidden = true;
    write(problem, '');
    write(one('.done'), '');
    showGates([], () => '');
    for (const details of panel.querySelectorAll('details')) details.open = false;
  }

  return {
    /** Another job. Resolves when its first answer is shown. @param {number} job */
    enter(job) {
      clear();
      taskID = job;
      return poll.start();
    },
    /** The job's view is seen again. */
    resume: () => (taskID === undefined ? Promise.resolve() : poll.start()),
    pause: poll.stop,
    leave: clear,
    /** Something has happened to the job. */
    now: () => poll.now(),
  };
}

const stale = 'The node does not answer; this is how it was.';

/** @param {Why} why */
function placeOf({position, eta}) {
  if (position === undefined) return '';
  const place = position === 1 ? 'Next in its queue' : `Number ${position} in its queue`;
  return eta === undefined ? place : `${place} · its turn in about ${printAge(eta.ms)}`;
}

/** The same gate may stand there once for each host. @param {readonly Gate[]} gates */
const gateKey = gates => (/** @type {Gate} */ gate) =>
  `${gate.gate}/${gates.filter(each => each.gate === gate.gate).indexOf(gate)}`;
