/**
 * The data directory of one node, held by an exclusive SQLite lock on a small file in it for as long as the process lives.
 * Node has no `flock`, and a pid file lies after a crash; this lock the kernel frees with the process, also at `kill -9`.
 */
import {closeSync, fsyncSync, openSync, readFileSync, unlinkSync, writeFileSync, writeSync} from 'node:fs';
import {mkdir, realpath, stat} from 'node:fs/promises';
import {dirname, join, resolve} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import {assertPathsFit} from '../actors/checks/job-paths.ts';
import {LinkisError} from '../actors/domain/errors.ts';
import {isBusy} from './sqlite-failure.ts';

export type DataDirectory = {
  /** Absolute, symbolic links resolved. */
  readonly path: string;
  /** Lets another process have it. Idempotent. */
  readonly release: () => void;
};

/** The data directory can't be used; the message says why and what to do. */
export class DataDirectoryError extends LinkisError {
  override readonly name = 'DataDirectoryError';
  readonly code = 20071;

  constructor(path: string, problem: string, cause?: unknown) {
    super(`The data directory ${path} ${problem}`, {cause});
  }
}

/** Another process has it. */
export class DataDirectoryInUseError extends LinkisError {
  override readonly name = 'DataDirectoryInUseError';
  readonly code = 20072;

  constructor(path: string, holder: string | undefined) {
    super(
      `The data directory ${path} is in use by another node${holder === undefined ? '' : ` (process ${holder})`}.` +
        ' Stop that one first, or start this one with another --data.',
    );
  }
}

const lockFile = 'node.lock';
const holderFile = 'node.pid';
const probeFile = '.write-probe';
/** Enough that a full disk shows, which an empty file might not. */
const probeBytes = 64 * 1024;

const problems: Readonly<Record<string, string>> = {
  EACCES:
    'may not be written by this user. Give it to the user that runs the node, or name another with --data.',
  EPERM:
    'may not be written by this user. Give it to the user that runs the node, or name another with --data.',
  EROFS: 'is on a read-only file system. Mount it for writing, or name another with --data.',
  ENOSPC: 'has no space left on its disk. Free some, or name another with --data.',
  EDQUOT: 'has used up its disk quota. Free some space, or name another with --data.',
  ENOTDIR: 'has a file where a directory is needed. Remove it, or name another with --data.',
  EEXIST: 'is a file. Remove it, or name another with --data.',
  ENAMETOOLONG: 'has too long a name. Name another with --data.',
};

/**
 * Makes the directory (0700) if need be, and takes it. Rejects with `DataDirectoryInUseError`, with `DataDirectoryError`
 * when it can't be written, and with `LogPathTooLongError` when the paths below it would not fit their columns.
 */
export async function claimDataDirectory(path: string): Promise<DataDirectory> {
  const wanted = resolve(path);
  try {
    await makeDirectory(wanted);
    const real = await realpath(wanted);
    if (!(await stat(real)).isDirectory()) throw new DataDirectoryError(wanted, problems['EEXIST'] ?? '');
    assertPathsFit(real);
    probe(real);
    const release = lock(real);
    writeFileSync(join(real, holderFile), `${process.pid}\n`, {mode: 0o600});
    return {path: real, release};
  } catch (error) {
    throw explain(wanted, error);
  }
}

/** Node's own recursive way goes round for ever where nothing can be made, such as below `/proc`. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, {mode: 0o700});
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path, {mode: 0o700});
  }
}

/** Throws what the system says when a file can't be written, synced and removed here. */
function probe(path: string): void {
  // One name for each process: two that start at once must not meet here.
  const file = join(path, `${probeFile}-${process.pid}`);
  const descriptor = openSync(file, 'w', 0o600);
  try {
    writeSync(descriptor, Buffer.alloc(probeBytes));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
    unlinkSync(file);
  }
}

function lock(path: string): () => void {
  const database = new DatabaseSync(join(path, lockFile), {timeout: 0});
  try {
    // Nothing is ever written, so there is nothing to undo.
    database.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    database.close();
    throw isBusy(error) ? new DataDirectoryInUseError(path, holderOf(path)) : error;
  }
  return () => {
    if (database.isOpen) database.close();
  };
}

/** For people only: the lock is what counts. */
function holderOf(path: string): string | undefined {
  try {
    return /^\d+/.exec(readFileSync(join(path, holderFile), 'utf8'))?.[0];
  } catch {
    return undefined;
  }
}

function explain(path: string, error: unknown): unknown {
  if (error instanceof LinkisError || !(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const problem = problems[code];
  if (problem !== undefined) return new DataDirectoryError(path, problem, error);
  return new DataDirectoryError(path, `can't be used: ${error.message}.`, error);
}
