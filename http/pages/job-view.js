/** One job: its status, why it waits, its live log, its end and results. */
import {call, follow} from './api.js';
import {createLogView} from './log-view.js';
import {showResults} from './result-view.js';
import {createWhyView} from './why-view.js';

const ended = new Set(['Succeed', 'Failed', 'Cancelled', 'Timeout']);

/**
 * @param {HTMLElement} place
 * @param {{trying: (place: HTMLElement, action: () => Promise<void>) => Promise<void>, onEnd: () => Promise<void>}} page
 */
export function createJobView(place, {trying, onEnd}) {
  /** @param {string} selector @returns {any} */
  const one = selector => place.querySelector(selector);
  const log = createLogView(one('#log'));
  const why = createWhyView(one('#why'), one('#timeline'));
  let stop = () => {};
  /** @type {number | undefined} */
  let taskID;
  let execID = '';

  function close() {
    stop();
    stop = () => {};
    why.leave();
    taskID = undefined;
    place.hidden = true;
  }

  /** @param {number} wanted */
  async function open(wanted) {
    close();
    taskID = wanted;
    one('h2').textContent = `Job ${wanted}`;
    one('#results').replaceChildren();
    log.clear();
    await trying(place, async () => {
      // Both before anything is shown, so that nothing moves then.
      const explained = why.enter(wanted);
      try {
        const [{task}] = await Promise.all([call(`jobhistory/${wanted}/get`), explained]);
        if (taskID !== wanted) return;
        execID = task.strongerExecId;
        showStatus(task.status);
        one('progress').value = Number(task.progress);
        stop = follow(wanted, frame => void take(frame));
      } finally {
        place.hidden = taskID !== wanted;
      }
    });
  }

  /** @param {string} status */
  function showStatus(status) {
    const pill = one('.pill');
    pill.className = `pill ${status}`;
    pill.textContent = status;
    one('#kill').hidden = ended.has(status);
  }

  /** @param {Record<string, any>} frame */
  async function take(frame) {
    switch (frame.type) {
      case 'status':
        showStatus(frame.status);
        void why.now();
        break;
      case 'progress':
        one('progress').value = frame.progress;
        break;
      case 'log':
        for (const line of frame.lines) log.add(line);
        break;
      case 'gap':
        log.add(`Lines ${frame.fromLine} to ${frame.toLine} are missing: ${frame.why}`, 'gap');
        break;
      case 'error':
        one('.head ~ .problem').textContent = frame.message;
        break;
      case 'end':
        showStatus(frame.status);
        one('progress').value = 1;
        void why.now();
        await trying(place, showEnd);
        break;
    }
  }

  async function showEnd() {
    const asked = taskID;
    await onEnd();
    const {task} = await call(`jobhistory/${asked}/get`);
    if (taskID !== asked) return;
    if (task.errDesc !== null)
      one('.head ~ .problem').textContent = `${task.errCode ?? ''} ${task.errDesc}`.trim();
    if (task.status === 'Succeed' && task.resultLocation !== null) {
      await showResults(one('#results'), task.resultLocation);
    }
  }

  one('#kill').addEventListener('click', () => {
    const button = one('#kill');
    button.disabled = true;
    void trying(place, async () => {
      await call(`entrance/${execID}/kill`, {});
    }).finally(() => {
      button.disabled = false;
    });
  });

  return {open, close, taskID: () => taskID, pause: why.pause, resume: why.resume};
}
