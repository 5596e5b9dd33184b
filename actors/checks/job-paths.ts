/**
 * Where a job's log and results go (contract 4.6). Names become path parts that cannot leave their place: what is no
 * plain letter, digit, dot, dash or underscore is written as `~` and its bytes, and long names end in a hash, so that two
 * names never share a part and every path fits its column (decision 13).
 */
import {createHash} from 'node:crypto';
import {join} from 'node:path';
import {civilTimeIn, formatCivil} from '../domain/civil-time.ts';
import {LinkisError} from '../domain/errors.ts';

/** Widths of `log_path` and `result_location`. */
export const logPathCharsMax = 200;
export const resultLocationCharsMax = 500;

const partCharsMax = 32;
const hashCharsMax = 16;
const plainPart = new RegExp(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,${partCharsMax - 1}}$`);
const taskIDCharsMax = 16;
const dateChars = 'yyyy-MM-dd';

/** A job's log path would not fit its column: the data directory's own path is too long. */
export class LogPathTooLongError extends LinkisError {
  override readonly name = 'LogPathTooLongError';
  readonly code = 20075;

  constructor(dataDirectory: string, needed: number) {
    super(
      `Failed to get logPath(获取logPath失败): below ${dataDirectory} log paths reach ${needed} characters,` +
        ` the history holds ${logPathCharsMax}. Use a data directory with a path shorter by ${needed - logPathCharsMax}.`,
    );
  }
}

export type JobPaths = {readonly logPath: string; readonly resultLocation: string};

export type PathOwner = {readonly creator: string; readonly executeUser: string; readonly taskID: number};

/** `dataDirectory` is absolute. The date is that of `timeZone`. */
export function jobPaths(dataDirectory: string, owner: PathOwner, nowMs: number, timeZone: string): JobPaths {
  const date = dateIn(timeZone, nowMs);
  const place = join(date, pathPart(owner.creator), pathPart(owner.executeUser));
  return {
    logPath: join(dataDirectory, 'logs', place, `${owner.taskID}.log`),
    resultLocation: join(dataDirectory, 'results', place, String(owner.taskID)),
  };
}

/** No zone changes its date but at a full minute. */
function dateIn(timeZone: string, nowMs: number): string {
  const minute = Math.floor(nowMs / 60_000);
  if (minute !== lastDate.minute || timeZone !== lastDate.timeZone) {
    const text = formatCivil(civilTimeIn(timeZone, nowMs), dateChars) ?? '';
    lastDate = {minute, timeZone, text};
  }
  return lastDate.text;
}

let lastDate = {minute: Number.NaN, timeZone: '', text: ''};

/** Throws `LogPathTooLongError` when the longest possible path would not fit. Called once, at start. */
export function assertPathsFit(dataDirectory: string): void {
  const part = 'x'.repeat(partCharsMax);
  const longest = join(dataDirectory, 'logs', dateChars, part, part, `${'9'.repeat(taskIDCharsMax)}.log`);
  // Result paths have three times the room and the same parts, so they fit whenever log paths do.
  if (longest.length > logPathCharsMax) throw new LogPathTooLongError(dataDirectory, longest.length);
}

/** One name as one path part; different names give different parts. */
export function pathPart(name: string): string {
  if (plainPart.test(name)) return name;
  const encoded = [...Buffer.from(name.toWellFormed())]
    .map((byte, index) => {
      const char = String.fromCharCode(byte);
      const isPlain = /[A-Za-z0-9_-]/.test(char) || (char === '.' && index > 0);
      return isPlain ? char : `~${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
  if (encoded !== '' && encoded.length <= partCharsMax) return encoded;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, hashCharsMax);
  // Two tildes in a row come from no encoding, so a short name can't look like a shortened one.
  return `${encoded.slice(0, partCharsMax - hashCharsMax - 2)}~~${hash}`;
}
