/**
 * Calendar arithmetic without zones: a civil time is the number of milliseconds that UTC would have at that reading of
 * the clock. A zone is needed only once, to learn what the clocks of a place show now.
 */
export type CivilMs = number;

const dayMs = 86_400_000;
const hourMs = 3_600_000;

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clocks of `timeZone` show at `atMs`. */
export function civilTimeIn(timeZone: string, atMs: number): CivilMs {
  let format = formats.get(timeZone);
  if (format === undefined) {
    // Swedish dates are ISO dates: `2026-05-01 10:20:30`.
    format = new Intl.DateTimeFormat('sv-SE', {timeZone, dateStyle: 'short', timeStyle: 'medium'});
    formats.set(timeZone, format);
  }
  return Date.parse(`${format.format(atMs).replace(' ', 'T')}Z`);
}

export const civilDate = (year: number, month: number, day: number, hour = 0): CivilMs =>
  Date.UTC(year, month - 1, day, hour);

/** `yyyyMMdd` or `yyyy-MM-dd`; undefined if there is no such day. */
export function parseCivilDate(text: string): CivilMs | undefined {
  const parts = /^(\d{4})(-?)(\d{2})\2(\d{2})$/.exec(text);
  if (parts === null) return undefined;
  const civil = civilDate(Number(parts[1]), Number(parts[3]), Number(parts[4]));
  return formatCivil(civil, 'yyyyMMdd') === text.replaceAll('-', '') ? civil : undefined;
}

/** `yyyyMMddHH`; undefined if there is no such hour. */
export function parseCivilHour(text: string): CivilMs | undefined {
  const day = /^\d{10}$/.test(text) ? parseCivilDate(text.slice(0, 8)) : undefined;
  const hour = Number(text.slice(8));
  return day === undefined || hour > 23 ? undefined : day + hour * hourMs;
}

export const startOfDay = (civil: CivilMs): CivilMs => Math.floor(civil / dayMs) * dayMs;
export const addDays = (civil: CivilMs, days: number): CivilMs => civil + days * dayMs;
export const addHours = (civil: CivilMs, hours: number): CivilMs => civil + hours * hourMs;

/** A day that the month lacks becomes its last: one month after 31 January is 28 or 29 February. */
export function addMonths(civil: CivilMs, months: number): CivilMs {
  const date = new Date(civil);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));
  return date.getTime();
}

/** First day of the period of `months` months (1, 3, 6 or 12) that holds `civil`. */
export function startOfPeriod(civil: CivilMs, months: number): CivilMs {
  const date = new Date(civil);
  return civilDate(date.getUTCFullYear(), Math.floor(date.getUTCMonth() / months) * months + 1, 1);
}

/** Last day of that period. */
export const endOfPeriod = (civil: CivilMs, months: number): CivilMs =>
  addDays(addMonths(startOfPeriod(civil, months), months), -1);

/** False outside of the years 1 to 9999, where the patterns have no room. */
export const isWritable = (civil: CivilMs): boolean =>
  civil >= -62_135_596_800_000 && civil < 253_402_300_800_000;

const fields: Readonly<Record<string, (date: Date) => number>> = {
  y: date => date.getUTCFullYear(),
  u: date => date.getUTCFullYear(),
  M: date => date.getUTCMonth() + 1,
  d: date => date.getUTCDate(),
  H: date => date.getUTCHours(),
  m: date => date.getUTCMinutes(),
  s: date => date.getUTCSeconds(),
  S: date => date.getUTCMilliseconds(),
};

/**
 * Java's date pattern, of which `y u M d H m s S`, texts in single quotes and everything that is no letter are known.
 * Undefined for a pattern with other letters.
 */
export function formatCivil(civil: CivilMs, pattern: string): string | undefined {
  const date = new Date(civil);
  let printed = '';
  for (const [piece, quoted, letter] of pattern.matchAll(/'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z]/g)) {
    if (piece === "'") return undefined;
    if (quoted !== undefined) printed += quoted === '' ? "'" : quoted.replaceAll("''", "'");
    else if (letter === undefined) printed += piece;
    else {
      const field = fields[letter];
      if (field === undefined) return undefined;
      const digits = String(field(date)).padStart(piece.length, '0');
      // Two letters of the year are its last two digits, as Java has it.
      printed += (letter === 'y' || letter === 'u') && piece.length === 2 ? digits.slice(-2) : digits;
    }
  }
  return printed;
}
