/**
 * A copy of the embedded database for keeping, made from outside while a node works on it. All pages are read in one
 * go: between two steps of a copy the node would write, and SQLite would start the copy over, on a busy node for ever.
 * In WAL nobody waits for a reader, so nothing stands still meanwhile.
 */
import {existsSync, statSync} from 'node:fs';
import {link, open, unlink} from 'node:fs/promises';
import {BackupFailedError} from './backup.ts';
import {SqliteConnection} from './sqlite-connection.ts';

/**
 * Once it is put back, no job gets the id of one that was submitted after the copy: its log and results may still be
 * there, and would be taken for those of the new job.
 */
export const idsSkipped = 1_000_000;

/**
 * Copies `source` into `file`, which must not exist and appears only when it is whole, readable by its owner alone.
 * Resolves to its size in bytes. Rejects with `BackupFailedError`.
 */
export async function copyDatabase(source: string, file: string): Promise<number> {
  if (existsSync(file)) throw new BackupFailedError(file, fileThere);
  const partial = `${file}.partial-${process.pid}`;
  try {
    // Made first, since SQLite would make it readable by all: it holds password hashes.
    await (await open(partial, 'wx', 0o600)).close();
    const from = new SqliteConnection(source);
    try {
      await from.copyTo(partial);
    } finally {
      from.close();
    }
    finish(partial);
    const handle = await open(partial, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike a rename, a link never replaces a file.
    await link(partial, file);
    return statSync(file).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new BackupFailedError(file, fileThere, error);
    }
    throw new BackupFailedError(file, error instanceof Error ? error.message : String(error), error);
  } finally {
    await unlink(partial).catch(() => undefined);
  }
}

const fileThere = 'there is a file of that name. Choose another, or remove it';

/** One file without a write-ahead log beside it, checked. */
function finish(copy: string): void {
  const connection = new SqliteConnection(copy);
  try {
    connection.run(`update tenon_id_block set next_id = next_id + ? where name = 'job'`, [idsSkipped]);
    connection.execute('pragma journal_mode = delete');
    const [check] = connection.all('pragma quick_check(1)', []);
    if (check?.['quick_check'] !== 'ok') {
      throw new Error(`the copy is damaged: ${String(check?.['quick_check'])}`);
    }
  } finally {
    connection.close();
  }
}
