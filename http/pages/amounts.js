/** Amounts as people read them. */

const kib = 1024;
const memoryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const numbers = new Intl.NumberFormat('en', {maximumFractionDigits: 1});
const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** @param {number} bytes */
const memoryUnitOf = bytes =>
  bytes < 1 ? 0 : Math.min(memoryUnits.length - 1, Math.floor(Math.log(bytes) / Math.log(kib)));

/** `512 MiB`. @param {number} bytes */
export function printMemory(bytes) {
  const unit = memoryUnitOf(bytes);
  return `${numbers.format(bytes / kib ** unit)} ${memoryUnits[unit]}`;
}

/** @param {number} count */
export const printCount = count => numbers.format(count);

/** `0.5 / 20 GiB`: one unit where both can be read in it. @param {number} bytes @param {number | null} max */
export function printMemoryShare(bytes, max) {
  if (max === null) return `${printMemory(bytes)} / ∞`;
  const unit = memoryUnitOf(max);
  const inUnit = bytes / kib ** unit;
  const used = bytes > 0 && inUnit < 0.05 ? printMemory(bytes) : numbers.format(inUnit);
  return `${used} / ${printMemory(max)}`;
}

/** @param {number} count @param {number | null} max */
export const printShare = (count, max) => `${printCount(count)} / ${max === null ? '∞' : printCount(max)}`;

/** `12.5 s`, `4 min 10 s`, `2 h 5 min`, `3 d 1 h`. @param {number} ms */
export function printTime(ms) {
  if (ms < secondMs) return `${Math.round(ms)} ms`;
  if (ms < minuteMs) return `${numbers.format(ms / secondMs)} s`;
  if (ms < hourMs) return pair(ms, minuteMs, 'min', secondMs, 's');
  if (ms < dayMs) return pair(ms, hourMs, 'h', minuteMs, 'min');
  return pair(ms, dayMs, 'd', hourMs, 'h');
}

/** Whole seconds at least: for times that count up. @param {number} ms */
export const printAge = ms =>
  printTime(Math.max(0, Math.floor(ms / secondMs) * secondMs)).replace('0 ms', '0 s');

/** @param {number} ms @param {number} large @param {string} largeName @param {number} small @param {string} smallName */
function pair(ms, large, largeName, small, smallName) {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
}

/** As the configuration writes it, exactly: `20G`, `512M`. @param {number} bytes */
export function memoryText(bytes) {
  for (const [at, letter] of [...'TGMK'].entries()) {
    const unit = kib ** (4 - at);
    if (bytes > 0 && bytes % unit === 0) return `${bytes / unit}${letter}`;
  }
  return `${bytes}B`;
}
