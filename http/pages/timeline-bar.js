/** Where a job's time went: a thin bar of its parts, and a legend with their lengths. */
import {printTime} from './amounts.js';
import {createRows, draw, make, set, write} from './element.js';

/** @typedef {{cause: string, ms: number}} Part */

/** @type {Readonly<Record<string, string>>} */
const meanings = {
  queue: 'waited for its turn in the queue of its group',
  waiting: 'waits since then',
  user: 'waited until the quota of its user had room',
  tenant: 'waited until the quota of its tenant had room',
  engineType: 'waited until its engine type had room',
  ecm: 'waited until a host had room for an engine',
  engine: 'waited for an engine',
  launch: 'its engine was started',
  retry: 'waited for another attempt',
  run: 'ran',
};

/** @param {HTMLElement} place */
export function createTimelineBar(place) {
  const bar = draw('svg', {viewBox: '0 0 100 1', preserveAspectRatio: 'none', 'aria-hidden': 'true'});
  const legend = make('ul', '');
  legend.setAttribute('aria-label', 'Where its time went');
  place.replaceChildren(bar, legend);
  const showLegend = createRows(legend, ({cause}) => {
    const ms = make('span', 'ms');
    const element = make('li', '', make('span', `swatch ${classOf(cause)}`), `${cause} `, ms);
    element.title = meanings[cause] ?? cause;
    return {
      element,
      show: (/** @type {Part} */ part) => write(ms, printTime(part.ms)),
    };
  });

  /** @param {readonly Part[]} parts */
  return function show(parts) {
    const shown = parts.filter(({ms}) => ms > 0);
    showLegend(shown, ({cause}) => cause);
    const whole = shown.reduce((sum, {ms}) => sum + ms, 0);
    let at = 0;
    const rects = shown.map(({cause, ms}) => {
      const width = (ms / whole) * 100;
      const part = draw('rect', {class: classOf(cause), height: 1});
      set(part, {x: at.toFixed(2), width: Math.max(width, 0.5).toFixed(2)});
      at += width;
      return part;
    });
    bar.replaceChildren(...rects);
  };
}

/** Only causes with a colour of their own; a newer node may name others. @param {string} cause */
const classOf = cause => (Object.hasOwn(meanings, cause) ? `cause-${cause}` : 'cause-other');
