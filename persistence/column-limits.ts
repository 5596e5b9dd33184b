/**
 * How long a value may be, in one place for every dialect: SQLite would take anything, and a server refuse the whole
 * statement. Where losing the end does no harm the value is cut, at a character border; anything else is refused.
 */
import {LinkisError} from '../actors/domain/errors.ts';

/** A value does not fit its column. Only the write that carries it is refused. */
export class ValueTooLongError extends LinkisError {
  override readonly name = 'ValueTooLongError';
  readonly code = 20061;

  constructor(field: string, length: number, lengthMax: number, unit: 'characters' | 'bytes') {
    super(`${field} has ${length} ${unit}, at most ${lengthMax} can be stored. Shorten it and try again.`);
  }
}

/** Characters that a `varchar` holds: code points, not JavaScript's UTF-16 units. */
function characterCount(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit < 0xdc00 && index + 1 < text.length) {
      count -= 1;
      index += 1;
    }
  }
  return count;
}

/** Throws `ValueTooLongError`. Half a surrogate pair, which no database can store, becomes U+FFFD, here and below. */
export function fitting(field: string, text: string, charactersMax: number): string {
  // UTF-16 units are never fewer than characters, so most values need no counting.
  if (text.length > charactersMax) {
    const count = characterCount(text);
    if (count > charactersMax) throw new ValueTooLongError(field, count, charactersMax, 'characters');
  }
  return text.toWellFormed();
}

export const fittingOrNull = (field: string, text: string | null, charactersMax: number): string | null =>
  text === null ? null : fitting(field, text, charactersMax);

export function cutToCharacters(text: string, charactersMax: number): string {
  const isShort = text.length <= charactersMax || characterCount(text) <= charactersMax;
  return (isShort ? text : [...text].slice(0, charactersMax).join('')).toWellFormed();
}

/** Throws `ValueTooLongError`. */
export function fittingBytes(field: string, text: string, bytesMax: number): string {
  if (exceedsBytes(text, bytesMax))
    throw new ValueTooLongError(field, Buffer.byteLength(text), bytesMax, 'bytes');
  return text.toWellFormed();
}

export const exceedsBytes = (text: string, bytesMax: number): boolean =>
  text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax;

export function cutToBytes(text: string, bytesMax: number): string {
  if (!exceedsBytes(text, bytesMax)) return text.toWellFormed();
  const bytes = Buffer.from(text);
  let end = bytesMax;
  // 10xxxxxx goes on with the character that began before it.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** The widths of the seeds' DDL and of `tenon_job`, in characters; texts in bytes. */
export const widths = {
  jobReqId: 64,
  user: 50,
  progress: 32,
  status: 50,
  logPath: 200,
  errorDesc: 1000,
  instances: 250,
  engineType: 32,
  resultLocation: 500,
  observeInfo: 500,
  engineId: 64,
  idempotencyKey: 128,
  requestId: 64,
  engineInstance: 128,
  waits: 1000,
  /** Of a statement in `linkis_ps_job_history_detail`. */
  detailContent: 1000,
  textBytes: 65_535,
  /** Longer code, params and source go whole into `tenon_job_text`, and cut into their column. */
  inlineTextBytes: 60_000,
} as const;
