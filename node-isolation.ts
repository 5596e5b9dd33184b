/**
 * What a node does with its data directory when engines run as their users: they pass through it to their own directories, so
 * everything else in it is closed by its own mode. Without isolation user code can read all of it, which is said.
 */
import {chmod, lstat, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {isMainThread} from 'node:worker_threads';
import type {Logger} from 'pino';
import type {Config} from './config.ts';
import {EngineIsolationError} from './engines/engine-errors.ts';

const passThroughMode = 0o711;

/** For the driver: undefined when engines run as the node does. Rejects with `EngineIsolationError`. */
export async function prepareIsolation(
  {dataDirectory, governance: {isolation, isolationUidMin}}: Config,
  log: Pick<Logger, 'warn'>,
): Promise<{readonly uidMin: number} | undefined> {
  if (isolation === 'off') {
    // Decision 44: nobody should learn this from an incident.
    log.warn(
      {user: process.getuid?.()},
      'jobs run as the user of this node, and can read its data directory',
    );
    return undefined;
  }
  if (isolation !== 'user') {
    throw new EngineIsolationError(`governance.isolation is off or user, not ${isolation}.`);
  }
  if (process.getuid?.() !== 0) {
    log.warn({user: process.getuid?.()}, 'engines run as their users, by capabilities of this node');
  }
  if (!isMainThread) {
    throw new EngineIsolationError(
      'governance.isolation is user, and this node runs in a worker thread: what it makes could not be closed to users.' +
        ' Start it in the main thread.',
    );
  }
  // First, so that what is made while we look is closed already.
  process.umask(0o077);
  for (const name of await readdir(dataDirectory)) {
    if (name !== 'engines') await closeToOthers(join(dataDirectory, name));
  }
  await chmod(dataDirectory, passThroughMode);
  return {uidMin: isolationUidMin};
}

async function closeToOthers(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || found.isSymbolicLink() || (found.mode & 0o077) === 0) return;
  await chmod(path, found.mode & 0o700).catch((error: unknown) => {
    // Gone meanwhile, such as the journal of a database.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
}
