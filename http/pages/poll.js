/**
 * Asks again and again while somebody looks: never while the browser shows another tab, and never a second time before the
 * first is answered.
 */

/**
 * @typedef {{start: () => Promise<void>, stop: () => void, now: () => Promise<void>}} Poll
 * @typedef {{timer: number | undefined, isAsking: boolean, isAgain: boolean}} Visit
 */

/**
 * @param {(isWanted: () => boolean) => Promise<void>} ask shows what is wrong itself; an answer that is not wanted any more,
 *   since the poll was stopped or started anew, is to be dropped
 * @param {number} everyMs from an answer to the next question
 * @returns {Poll} stopped
 */
export function createPoll(ask, everyMs) {
  /** @type {Visit | undefined} */
  let visit;

  /** @param {Visit | undefined} mine */
  async function turn(mine) {
    if (mine === undefined || mine !== visit) return;
    clearTimeout(mine.timer);
    if (document.hidden) return;
    if (mine.isAsking) {
      mine.isAgain = true;
      return;
    }
    mine.isAsking = true;
    try {
      await ask(() => mine === visit);
    } finally {
      mine.isAsking = false;
    }
    if (mine !== visit) return;
    if (mine.isAgain) {
      mine.isAgain = false;
      await turn(mine);
      return;
    }
    mine.timer = setTimeout(() => void turn(mine), everyMs);
  }

  function stop() {
    clearTimeout(visit?.timer);
    visit = undefined;
  }

  document.addEventListener('visibilitychange', () => void turn(visit));

  return {
    /** Asks at once. */
    start() {
      stop();
      visit = {timer: undefined, isAsking: false, isAgain: false};
      return turn(visit);
    },
    stop,
    /** Does not wait for the next turn; while a question is under way another follows it. */
    now: () => turn(visit),
  };
}
