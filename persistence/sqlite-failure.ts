/** What an error of `node:sqlite` means for who asked. Numbers are SQLite's primary result codes. */
import {DatabaseAwayError} from '../actors/ports.ts';
import {DuplicateKeyError} from './sql-session.ts';

const primaryCode = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  constraint: 19,
  notADatabase: 26,
};

// Full disks and the like: nothing the caller did, and it may be mended while we run.
const awayReasons: ReadonlyMap<number, string> = new Map([
  [primaryCode.busy, 'another process holds its lock'],
  [primaryCode.locked, 'another process holds its lock'],
  [primaryCode.readOnly, 'it is read-only: check the permissions of the file and its directory'],
  [primaryCode.ioError, 'the file system reports an I/O error'],
  [primaryCode.corrupt, 'its file is damaged: restore it from a backup'],
  [primaryCode.full, 'the disk is full: free some space'],
  [primaryCode.cantOpen, 'its file can not be opened: check that the directory exists and may be written'],
  [primaryCode.notADatabase, 'its file is not an SQLite database'],
]);

function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  // The upper bits say more than we need, except in uniqueness, which the message words better.
  return error.errcode & 0xff;
}

export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code === primaryCode.busy || code === primaryCode.locked;
}

/** The error to throw in its place: `DuplicateKeyError`, `DatabaseAwayError`, or the same. */
export function toSqliteFailure(error: unknown, file: string): unknown {
  const code = codeOf(error);
  if (code === undefined || !(error instanceof Error)) return error;
  const unique = /^(?:UNIQUE|PRIMARY KEY) constraint failed: (.*)$/.exec(error.message);
  if (code === primaryCode.constraint && unique !== null)
    return new DuplicateKeyError(unique[1] ?? '', error);
  const reason = awayReasons.get(code);
  if (reason === undefined) return error;
  return new DatabaseAwayError(`The database ${file} can't be used, ${reason} (${error.message}).`, {
    cause: error,
  });
}
