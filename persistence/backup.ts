/** Copies of the embedded database, made while it is in use. A copy appears under its name only when it is whole. */
import {link, open, unlink} from 'node:fs/promises';
import {LinkisError} from '../actors/domain/errors.ts';
import type {SqliteConnection} from './sqlite-connection.ts';

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

export async function backUp(connection: SqliteConnection, file: string): Promise<void> {
  const partial = `${file}.partial-${process.pid}`;
  try {
    await connection.copyTo(partial);
    await using handle = await open(partial, 'r');
    await handle.sync();
    // Unlike a rename, a link never replaces a file.
    await link(partial, file);
  } catch (error) {
    throw new BackupFailedError(file, reasonOf(error), error);
  } finally {
    await unlink(partial).catch(() => undefined);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!('code' in error) || error.code !== 'EEXIST') return error.message;
  return 'there is a file of that name. Choose another, or remove it';
}
