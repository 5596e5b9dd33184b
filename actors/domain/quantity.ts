/**
 * Amounts as people write them in the configuration: `20G`, `512m`, `30m`. Parsing answers undefined for what is none,
 * since such a text may stand in a table that somebody else has written.
 */
const bytesOf = {b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4} as const;
const msOf = {ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000} as const;

const memoryPattern = /^(\d{1,12}(?:\.\d{1,3})?)\s*([bkmgt])?b?$/;
const durationPattern = /^(\d{1,12})\s*(ms|s|m|h|d)?$/;
const wholePattern = /^\d{1,15}$/;
const decimalPattern = /^\d{1,9}(?:\.\d{1,6})?$/;

/** Bytes. A number without a unit counts in G, as in Linkis. */
export function parseMemory(text: string): number | undefined {
  const [, number, unit = 'g'] = memoryPattern.exec(text.trim().toLowerCase()) ?? [];
  if (number === undefined) return undefined;
  return safe(Math.round(Number(number) * bytesOf[unit as keyof typeof bytesOf]));
}

/** Milliseconds. A number without a unit counts in milliseconds. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = 'ms'] = durationPattern.exec(text.trim().toLowerCase()) ?? [];
  return number === undefined ? undefined : safe(Number(number) * msOf[unit as keyof typeof msOf]);
}

export const parseWhole = (text: string): number | undefined =>
  wholePattern.test(text.trim()) ? safe(Number(text)) : undefined;

/** Above zero. */
export function parseShare(text: string): number | undefined {
  const number = decimalPattern.test(text.trim()) ? Number(text) : 0;
  return number > 0 ? number : undefined;
}

/** The shortest exact form: `20G`, `512M`, `1000B`. */
export function printMemory(bytes: number): string {
  for (const unit of ['t', 'g', 'm', 'k'] as const) {
    if (bytes > 0 && bytes % bytesOf[unit] === 0) return `${bytes / bytesOf[unit]}${unit.toUpperCase()}`;
  }
  return `${bytes}B`;
}

/** The shortest exact form: `1h`, `10m`, `1500ms`. */
export function printDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms > 0 && ms % msOf[unit] === 0) return `${ms / msOf[unit]}${unit}`;
  }
  return `${ms}ms`;
}

const safe = (number: number): number | undefined => (Number.isSafeInteger(number) ? number : undefined);
