/** Opens what a database URL names, with its schema up to date. Only the driver that is needed is loaded. */
import {systemClock} from '../actors/runtime/clock.ts';
import {systemRandom} from '../actors/runtime/random.ts';
import type {BusyRetry} from './busy-retry.ts';
import type {SqliteTarget} from './database-url.ts';
import {facetBook} from './job-facets.ts';
import type {Commit} from './job-store.ts';
import type {SqlSession} from './sql-session.ts';
import {commitToSqlite} from './sqlite-job-commit.ts';
import {bringSchemaUpToDate, isSqliteSchemaCurrent} from './sqlite-schema.ts';
import {SqliteSession} from './sqlite-session.ts';
import type {WorkerSettings} from './worker-protocol.ts';

export type Backend = {
  readonly session: SqlSession;
  readonly commit: Commit;
  readonly backUp: (file: string) => Promise<void>;
};

export type BackendLog = (level: 'info' | 'warn', message: string) => void;

/** Rejects with `DatabaseAwayError`, or with an error that says what is wrong with the database. */
export async function openBackend(settings: WorkerSettings, log: BackendLog): Promise<Backend> {
  const {target, lockWaitMsMax} = settings;
  const retry: BusyRetry = {clock: systemClock, random: systemRandom, waitMsMax: lockWaitMsMax};
  if (target.type === 'sqlite') return openSqlite(target, retry, log);
  const {openServer} = await import('./server-backend.ts');
  return openServer(target, retry, log);
}

async function openSqlite({file}: SqliteTarget, retry: BusyRetry, log: BackendLog): Promise<Backend> {
  const session = await SqliteSession.open(file, retry);
  try {
    if (!(await isSqliteSchemaCurrent(session))) {
      log('info', `Bringing the schema of ${file} up to date.`);
      await bringSchemaUpToDate(file);
    }
  } catch (error) {
    await session.close();
    throw error;
  }
  const facets = facetBook(session);
  return {
    session,
    commit: writes => commitToSqlite(session, facets, writes),
    backUp: target => session.backUp(target),
  };
}
