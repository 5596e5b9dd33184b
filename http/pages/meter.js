/** How full something is: a bar, or a line over the last minutes. */
import {draw, make, set, write} from './element.js';

const highShare = 0.8;
const samplesMax = 40;
/** What the upper edge may stand for: the least that is enough, so that also small values have a shape. */
const tops = [0.25, 0.5, 1, 2, 4, 8, 16];

/**
 * `more` is drawn lighter after `value`, such as what is reserved and not used yet; without a `max` nothing is ever full.
 * Without a text the figure is the caller's to fill.
 *
 * @typedef {{value: number, more?: number, max: number | null, text?: string}} Filling
 */

/**
 * A bar with its figure above it.
 *
 * @param {string} label for those who can't see the bar
 * @param {boolean} [isCalm] being full is nothing to worry about
 */
export function createMeter(label, isCalm = false) {
  const value = draw('rect', {class: 'value', width: 0, height: 1});
  const more = draw('rect', {class: 'more', width: 0, height: 1});
  const bar = draw(
    'svg',
    {viewBox: '0 0 100 1', preserveAspectRatio: 'none', 'aria-label': label},
    more,
    value,
  );
  const figure = make('span', 'figure');
  const element = make('span', 'meter', figure, bar);

  return {
    element,
    figure,
    /** @param {Filling} filling */
    show({value: used, more: rest = 0, max, text}) {
      if (text !== undefined) write(figure, text);
      const share = max === null ? 0 : shareOf(used + rest, max);
      const percent = Math.round(share * 100);
      const own = max === null ? 0 : shareOf(used, max);
      set(value, {width: widthOf(own)});
      set(more, {width: widthOf(share)});
      // What has no limit has no fullness either.
      if (max === null) set(bar, {role: 'img', 'aria-hidden': 'true'});
      else {
        bar.removeAttribute('aria-hidden');
        set(bar, {role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': percent});
        set(bar, {'aria-valuetext': `${percent} %`});
      }
      element.classList.toggle('high', !isCalm && share >= highShare && share < 1);
      element.classList.toggle('full', !isCalm && share >= 1);
    },
  };
}

/** @param {number} value @param {number} max */
const shareOf = (value, max) => (max <= 0 ? (value > 0 ? 1 : 0) : Math.min(1, value / max));

/** Something is not nothing: it stays visible. @param {number} share */
const widthOf = share => (share === 0 ? 0 : Math.max(1.5, Math.round(share * 1000) / 10));

/** The last values as a line that starts at zero, with the present one beside it. @param {string} label */
export function createSparkline(label) {
  /** @type {number[]} */
  let samples = [];
  const area = draw('polygon', {class: 'area'});
  const line = draw('polyline', {class: 'line'});
  const chart = draw(
    'svg',
    {viewBox: `0 0 ${samplesMax - 1} 1`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label},
    area,
    line,
  );
  const figure = make('span', 'figure');

  return {
    element: make('span', 'sparkline', figure, chart),
    /** @param {number | undefined} value undefined: unknown @param {string} text */
    push(value, text) {
      write(figure, text);
      if (value === undefined) return;
      samples = [...samples, value].slice(-samplesMax);
      const most = Math.max(...samples);
      const top = tops.find(each => each >= most) ?? most;
      const first = samplesMax - samples.length;
      // The line keeps off the edges, where half of its width would be cut.
      const points = samples.map(
        (sample, at) => `${first + at},${(0.94 - (sample / top) * 0.88).toFixed(3)}`,
      );
      set(line, {points: points.join(' ')});
      set(area, {points: `${first},1 ${points.join(' ')} ${samplesMax - 1},1`});
    },
  };
}
