/** What can go wrong between a SQL job and its database. Codes are ours: 26010 to 26049. No message holds a password. */
import {LinkisError} from '../../actors/domain/errors.ts';

/** Settings say how to connect, but not where to. */
export class ConnectionUrlMissingError extends LinkisError {
  override readonly name = 'ConnectionUrlMissingError';
  readonly code = 26010;

  constructor(why: string) {
    super(
      `There is no database to connect to: ${why}. Set wds.linkis.jdbc.connect.url among the runtime parameters, or leave` +
        ' out all connection settings to use the embedded DuckDB.',
    );
  }
}

/** A job names a data source that the node's configuration does not have. */
export class DatasourceUnknownError extends LinkisError {
  override readonly name = 'DatasourceUnknownError';
  readonly code = 26011;

  constructor(datasource: string, known: readonly string[]) {
    super(
      `There is no data source ${datasource} here. Known are: ${known.length === 0 ? 'none' : known.join(', ')}.`,
    );
  }
}

/** The URL is none, or of a database that this engine has no driver for. */
export class DatabaseUrlError extends LinkisError {
  override readonly name = 'DatabaseUrlError';
  readonly code = 26012;

  constructor(what: string) {
    super(
      `The database URL can't be used: ${what}. Known are jdbc:mysql://host:port/db, jdbc:mariadb://…,` +
        ' jdbc:postgresql://host:port/db, jdbc:sqlite:FILE and jdbc:duckdb:FILE.',
    );
  }
}

/** The database did not answer, or refused us. */
export class ConnectFailedError extends LinkisError {
  override readonly name = 'ConnectFailedError';
  readonly code = 26013;
  override readonly retryable = true;

  constructor(place: string, why: string, cause?: unknown) {
    super(
      `${place} could not be connected to: ${why}. Check host, port, user and password, and that it can be reached from` +
        ' the host of this engine.',
      {cause},
    );
  }
}

/** A statement that the database refused or gave up. Statements before it took effect, those after it did not run. */
export class StatementFailedError extends LinkisError {
  override readonly name = 'StatementFailedError';
  readonly code = 26014;

  constructor(number: number, count: number, line: number, why: string, cause?: unknown) {
    super(`Statement ${number} of ${count} (line ${line}) failed: ${why}`, {cause});
  }
}

/** The connection broke while a statement ran: whether that took effect nobody knows. */
export class ConnectionLostError extends LinkisError {
  override readonly name = 'ConnectionLostError';
  readonly code = 26015;

  constructor(place: string, number: number, count: number, why: string, cause?: unknown) {
    super(
      `The connection to ${place} broke during statement ${number} of ${count}: ${why}. Whether it took effect is not` +
        ' known; look before you submit it again.',
      {cause},
    );
  }
}

/** A statement that ran longer than the job allows. It was cancelled in the database. */
export class StatementTimeoutError extends LinkisError {
  override readonly name = 'StatementTimeoutError';
  readonly code = 26016;

  constructor(number: number, count: number, timeoutMs: number) {
    super(
      `Statement ${number} of ${count} ran longer than ${timeoutMs / 1000} s and was cancelled. Set` +
        ' wds.linkis.jdbc.query.timeout (seconds) for more time.',
    );
  }
}

/** A setting of a SQL job has a value that it can't have. */
export class SqlSettingError extends LinkisError {
  override readonly name = 'SqlSettingError';
  readonly code = 26017;

  constructor(key: string, expected: string) {
    super(`The setting ${key} must be ${expected}.`);
  }
}

/** Code of comments and blanks only. */
export class NoStatementError extends LinkisError {
  override readonly name = 'NoStatementError';
  readonly code = 26018;

  constructor() {
    super('The code has no SQL statement, only comments or blanks.');
  }
}
