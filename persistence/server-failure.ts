/** What an error of MySQL, MariaDB or the way there means for who asked. */
import {LinkisError} from '../actors/domain/errors.ts';
import {DatabaseAwayError} from '../actors/ports.ts';
import {DuplicateKeyError} from './sql-session.ts';

/** The server does not take a value: too long for its column, or characters that the column's character set lacks. */
export class ValueRefusedError extends LinkisError {
  override readonly name = 'ValueRefusedError';
  readonly code = 20067;

  constructor(message: string, cause: unknown) {
    super(`The database does not take a value: ${message}. Shorten or correct it.`, {cause});
  }
}

const duplicateEntry = 1062;

// Data too long, wrong string value, out of range, wrong type, packet too large, null in a column that has none.
const valueErrors: ReadonlySet<number> = new Set([1406, 1366, 1264, 1265, 1292, 1153, 1048]);

/** The statement was undone for another's sake: doing it again is right. Galera: it may even have been done. */
const conflictErrors: ReadonlySet<number> = new Set([1213, 1205, 1020]);

// Nothing is wrong with what was asked; the server can't do it now, or nobody knows whether it did.
const awayErrors: ReadonlyMap<number, string> = new Map([
  [1040, 'it has too many connections'],
  [1203, 'this user has too many connections'],
  [1226, 'this user has used up a limit that the server sets'],
  [1045, 'it refuses the user or password'],
  [1044, 'the user has no right to this database'],
  [1142, 'the user has no right to a table'],
  [1049, 'the database does not exist'],
  [1047, 'the node is not part of its cluster'],
  [1053, 'it is shutting down'],
  [1077, 'it is shutting down'],
  [1927, 'it closed the connection'],
  [4031, 'it closed the connection'],
  [1317, 'it interrupted the statement'],
  [1969, 'the statement took too long'],
  [3024, 'the statement took too long'],
  [1021, 'its disk is full'],
  [1114, 'its disk is full'],
  [1026, 'it can not write its files'],
  [1030, 'its storage engine failed'],
  [1180, 'its commit failed'],
  [1290, 'it is read-only'],
  [1792, 'it is read-only'],
  [1836, 'it is read-only'],
]);

const awayCodes: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ECONNRESET', 'the connection was cut'],
  ['EPIPE', 'the connection was cut'],
  ['PROTOCOL_CONNECTION_LOST', 'the connection was cut'],
  ['PROTOCOL_SEQUENCE_TIMEOUT', 'it did not answer in time'],
  ['ETIMEDOUT', 'it did not answer in time'],
  ['ENOTFOUND', 'the host has no address'],
  ['EAI_AGAIN', 'the name service did not answer'],
  ['EHOSTUNREACH', 'there is no way to the host'],
  ['ENETUNREACH', 'there is no way to the host'],
]);

type ServerError = Error & {readonly errno?: unknown; readonly code?: unknown; readonly fatal?: unknown};

const isServerError = (error: unknown): error is ServerError => error instanceof Error;

const numberOf = (error: unknown): number =>
  isServerError(error) && typeof error.errno === 'number' ? error.errno : 0;

export const isConflict = (error: unknown): boolean => conflictErrors.has(numberOf(error));

/** The connection is of no use any more. */
export function isFatal(error: unknown): boolean {
  if (!isServerError(error)) return false;
  return error.fatal === true || (typeof error.code === 'string' && awayCodes.has(error.code));
}

/** The error to throw in its place. `server` is named in the message: host, port, database, never the password. */
export function toServerFailure(error: unknown, server: string): unknown {
  if (!isServerError(error)) return error;
  const number = numberOf(error);
  if (number === duplicateEntry) {
    return new DuplicateKeyError(/for key '(?:[^']*\.)?([^'.]+)'/.exec(error.message)?.[1] ?? '', error);
  }
  if (valueErrors.has(number)) return new ValueRefusedError(error.message, error);
  const reason =
    awayErrors.get(number) ??
    (typeof error.code === 'string' ? awayCodes.get(error.code) : undefined) ??
    (conflictErrors.has(number) ? 'others hold locks on the same rows' : undefined) ??
    (error.fatal === true ? 'the connection was lost' : undefined);
  if (reason === undefined) return error;
  return new DatabaseAwayError(`The database ${server} can't be used, ${reason} (${error.message}).`, {
    cause: error,
  });
}
