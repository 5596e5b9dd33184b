/** Has a stopped process that holds the embedded database's lock ended, where several nodes share its file (decision 23). */
import type {Logger} from 'pino';
import type {Membership} from './actors/membership.ts';
import {systemClock} from './actors/runtime/clock.ts';
import type {Config} from './config.ts';
import type {Database} from './persistence/database.ts';
import {parseDatabaseUrl} from './persistence/database-url.ts';
import {watchForStoppedHolder} from './persistence/stopped-holder.ts';

export type LockHolderDependencies = {
  readonly membership: Pick<Membership, 'mayAct'>;
  readonly database: Pick<Database, 'leases'>;
  readonly config: Pick<Config, 'dataDirectory' | 'node'>;
  /** See `placeOfProcess`. */
  readonly place: Readonly<Record<string, unknown>>;
  readonly log: Pick<Logger, 'warn'>;
};

/** Returns what ends the watch. A node that stands alone shares its database with nobody. */
export function watchLockHolders({
  membership,
  database,
  config,
  place,
  log,
}: LockHolderDependencies): () => void {
  const target = parseDatabaseUrl(config.node.database, config.dataDirectory);
  if (target.type !== 'sqlite' || config.node.cluster === '') return () => undefined;
  return watchForStoppedHolder({
    databaseFile: target.file,
    leases: database.leases,
    self: {...place, pid: process.pid},
    clock: systemClock,
    isFrozen: () => !membership.mayAct(),
    onEnded: ({pid, lease}) =>
      log.warn(
        {pid, lease: lease.name},
        'a stopped process held the lock of the database after its lease had run out: it was ended',
      ),
  });
}
