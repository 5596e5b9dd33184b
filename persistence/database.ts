/**
 * The one way into persistence: opens the database that a URL names and gives the stores over it. All work happens in a
 * thread of its own, so nothing here blocks the caller's.
 */
import type {AuditStore} from '../actors/audit.ts';
import type {LeaseStore} from '../actors/domain/lease.ts';
import type {EngineRecordStore} from '../actors/engine-record.ts';
import type {ConfigurationStore} from '../actors/configuration.ts';
import type {InstanceLabelStore} from '../actors/instance-label.ts';
import type {JobHistoryStore} from '../actors/job-history.ts';
import type {JobStore} from '../actors/ports.ts';
import type {AccountStore} from '../actors/account-port.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import {systemRandom, type Random} from '../actors/runtime/random.ts';
import {LastAdministratorError} from './account-store.ts';
import {parseDatabaseUrl} from './database-url.ts';
import {leaseMsDefault} from './lease-store.ts';
import {WorkerClient, type WorkerLog} from './worker-client.ts';
import {StoreError} from './worker-failure.ts';
import type {AnswerOf, DatabaseApi, DatabaseKind, Question} from './worker-protocol.ts';

export type Database = {
  readonly kind: DatabaseKind;
  readonly jobs: JobStore;
  readonly history: JobHistoryStore;
  readonly leases: LeaseStore;
  readonly accounts: AccountStore;
  readonly labels: InstanceLabelStore;
  readonly configuration: ConfigurationStore;
  readonly audit: AuditStore;
  readonly engineRecords: EngineRecordStore;
  /** Rejects with `DatabaseAwayError` unless the database answers. */
  readonly ping: () => Promise<void>;
  /**
   * Copies the embedded database into `file`, which must not exist, while work goes on; see `database-copy.ts`. Rejects with
   * `BackupNotOfferedError` for a server, which has its own tools.
   */
  readonly backup: (file: string) => Promise<void>;
  /** Lets what was asked finish. */
  readonly close: () => Promise<void>;
};

export type DatabaseOptions = {
  /** `sqlite:FILE` or `mysql://user:password@host:port/database`. */
  readonly url: string;
  /** What a relative FILE is meant from; must exist. */
  readonly dataDirectory: string;
  readonly log: WorkerLog;
  readonly clock: Clock;
  /** Jitter of restarts. */
  readonly random?: Random;
  /** How long a lease lasts without renewal. Default 10 s. */
  readonly leaseMs?: number;
  /** A commit that takes longer counts as unknown. Default 10 s. */
  readonly commitTimeoutMs?: number;
  /** The same for everything else. Default 10 s. */
  readonly queryTimeoutMs?: number;
};

const timeoutMsDefault = 10_000;
const backupTimeoutMs = 3_600_000;
const statisticsTimeoutMs = 30_000;

/**
 * Opens the database and brings its schema up to date. Rejects with `DatabaseUrlError`, `DatabaseAwayError` (it can't be
 * reached; the message names host or file and the reason, never the password), or a `LinkisError` about the database.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const {url, dataDirectory, log, clock, random = systemRandom, leaseMs = leaseMsDefault} = options;
  const {commitTimeoutMs = timeoutMsDefault, queryTimeoutMs = timeoutMsDefault} = options;
  const target = parseDatabaseUrl(url, dataDirectory);
  const settings = {target, leaseMs, lockWaitMsMax: Math.min(commitTimeoutMs, queryTimeoutMs) / 2};
  const {client, kind} = await WorkerClient.start({settings, log, clock, random});

  const asker =
    (budgetMs: number) =>
    <Q extends Question>(question: Q) =>
    (...values: Parameters<DatabaseApi[Q]>): Promise<AnswerOf<Q>> =>
      client.ask(question, values, budgetMs);
  const query = asker(queryTimeoutMs);
  // A renewal that takes longer has missed its purpose; the caller must learn it in time to freeze.
  const leaseQuery = asker(leaseMs / 4);

  return {
    kind,
    jobs: {
      reserveIds: query('jobs.reserveIds'),
      commit: asker(commitTimeoutMs)('jobs.commit'),
      get: query('jobs.get'),
      list: query('jobs.list'),
      countByStatus: query('jobs.countByStatus'),
      unfinished: query('jobs.unfinished'),
      byIdempotencyKey: query('jobs.byIdempotencyKey'),
      removeEnded: query('jobs.removeEnded'),
    },
    history: {
      details: query('history.details'),
      statistics: asker(statisticsTimeoutMs)('history.statistics'),
      due: query('history.due'),
      removeDue: query('history.removeDue'),
    },
    leases: {
      acquire: leaseQuery('leases.acquire'),
      renew: leaseQuery('leases.renew'),
      declareDead: leaseQuery('leases.declareDead'),
      list: leaseQuery('leases.list'),
    },
    accounts: {
      user: query('accounts.user'),
      users: query('accounts.users'),
      putUser: user => query('accounts.putUser')(user).catch(revive(user.name)),
      removeUser: name => query('accounts.removeUser')(name).catch(revive(name)),
      tokenByValue: query('accounts.tokenByValue'),
      tokens: query('accounts.tokens'),
      addToken: query('accounts.addToken'),
      revokeToken: query('accounts.revokeToken'),
      session: query('accounts.session'),
      putSession: query('accounts.putSession'),
      touchSession: query('accounts.touchSession'),
      removeSession: query('accounts.removeSession'),
      sweepSessions: query('accounts.sweepSessions'),
      async sharedSecret(name, make) {
        const secret = query('accounts.secret');
        const known = await secret(name);
        if (known !== undefined) return known;
        const stored = await secret(name, await make());
        if (stored === undefined)
          throw new Error(`The shared secret '${name}' was stored, but can't be read.`);
        return stored;
      },
    },
    labels: {
      instances: query('labels.instances'),
      labelsOf: query('labels.labelsOf'),
      register: query('labels.register'),
      replace: query('labels.replace'),
      detach: query('labels.detach'),
      remove: query('labels.remove'),
      version: query('labels.version'),
    },
    audit: {
      append: query('audit.append'),
      list: query('audit.list'),
      head: query('audit.head'),
      readAfter: query('audit.readAfter'),
      removeBefore: query('audit.removeBefore'),
    },
    engineRecords: {
      append: query('engineRecords.append'),
      update: query('engineRecords.update'),
      find: query('engineRecords.find'),
      findByInstance: query('engineRecords.findByInstance'),
      list: query('engineRecords.list'),
      remove: query('engineRecords.remove'),
      removeEnded: query('engineRecords.removeEnded'),
    },
    configuration: {
      version: query('configuration.version'),
      tables: query('configuration.tables'),
      saveValues: query('configuration.saveValues'),
      saveKey: query('configuration.saveKey'),
      removeKey: query('configuration.removeKey'),
      createCategory: query('configuration.createCategory'),
      updateCategory: query('configuration.updateCategory'),
      removeCategories: query('configuration.removeCategories'),
      saveTenant: query('configuration.saveTenant'),
      removeTenant: query('configuration.removeTenant'),
      saveUserIp: query('configuration.saveUserIp'),
      removeUserIp: query('configuration.removeUserIp'),
    },
    ping: query('ping'),
    backup: asker(backupTimeoutMs)('backUp'),
    close: () => client.close(),
  };
}

/** Callers tell this one apart by its class, which does not cross the threads. */
const revive =
  (user: string) =>
  (error: unknown): never => {
    throw error instanceof StoreError && error.name === 'LastAdministratorError'
      ? new LastAdministratorError(user)
      : error;
  };
