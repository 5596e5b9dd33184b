/** Why there is no copy of the database; `database-copy.ts` makes them. */
import {LinkisError} from '../actors/domain/errors.ts';

/** Asked of a server. */
export class BackupNotOfferedError extends LinkisError {
  override readonly name = 'BackupNotOfferedError';
  readonly code = 20069;

  constructor(server: string) {
    super(
      `${server} is backed up with its own tools, such as mysqldump --single-transaction. Only the embedded database` +
        ' can be copied from here.',
    );
  }
}

/** The copy was not made; nothing is left of it. */
export class BackupFailedError extends LinkisError {
  override readonly name = 'BackupFailedError';
  readonly code = 20073;

  constructor(file: string, why: string, cause?: unknown) {
    super(`The database could not be copied to ${file}: ${why}.`, {cause});
  }
}
