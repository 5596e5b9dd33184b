/**
 * What the main thread may ask of the database's thread: one request, one reply, matched by a counter. Values cross by
 * structured clone, so everything here is plain data.
 */
import type {AuditStore} from '../actors/audit.ts';
import type {LeaseStore} from '../actors/domain/lease.ts';
import type {EngineRecordStore} from '../actors/engine-record.ts';
import type {ConfigurationStore} from '../actors/configuration.ts';
import type {InstanceLabelStore} from '../actors/instance-label.ts';
import type {JobHistoryStore} from '../actors/job-history.ts';
import type {JobStore} from '../actors/ports.ts';
import type {AccountStore} from '../actors/account-port.ts';
import type {AccountTables} from './account-store.ts';
import type {DatabaseTarget} from './database-url.ts';

export type DatabaseKind = 'sqlite' | 'mysql' | 'mariadb';

/** Every question, by name. */
export type DatabaseApi = {
  readonly 'jobs.reserveIds': JobStore['reserveIds'];
  readonly 'jobs.commit': JobStore['commit'];
  readonly 'jobs.get': JobStore['get'];
  readonly 'jobs.list': JobStore['list'];
  readonly 'jobs.countByStatus': JobStore['countByStatus'];
  readonly 'jobs.unfinished': JobStore['unfinished'];
  readonly 'jobs.byIdempotencyKey': JobStore['byIdempotencyKey'];
  readonly 'jobs.removeEnded': JobStore['removeEnded'];
  readonly 'history.details': JobHistoryStore['details'];
  readonly 'history.statistics': JobHistoryStore['statistics'];
  readonly 'history.due': JobHistoryStore['due'];
  readonly 'history.removeDue': JobHistoryStore['removeDue'];
  readonly 'leases.acquire': LeaseStore['acquire'];
  readonly 'leases.renew': LeaseStore['renew'];
  readonly 'leases.declareDead': LeaseStore['declareDead'];
  readonly 'leases.list': LeaseStore['list'];
  readonly 'accounts.user': AccountStore['user'];
  readonly 'accounts.users': AccountStore['users'];
  readonly 'accounts.putUser': AccountStore['putUser'];
  readonly 'accounts.removeUser': AccountStore['removeUser'];
  readonly 'accounts.tokenByValue': AccountStore['tokenByValue'];
  readonly 'accounts.tokens': AccountStore['tokens'];
  readonly 'accounts.addToken': AccountStore['addToken'];
  readonly 'accounts.revokeToken': AccountStore['revokeToken'];
  readonly 'accounts.session': AccountStore['session'];
  readonly 'accounts.putSession': AccountStore['putSession'];
  readonly 'accounts.touchSession': AccountStore['touchSession'];
  readonly 'accounts.removeSession': AccountStore['removeSession'];
  readonly 'accounts.sweepSessions': AccountStore['sweepSessions'];
  readonly 'accounts.secret': AccountTables['secret'];
  readonly 'labels.instances': InstanceLabelStore['instances'];
  readonly 'labels.labelsOf': InstanceLabelStore['labelsOf'];
  readonly 'labels.register': InstanceLabelStore['register'];
  readonly 'labels.replace': InstanceLabelStore['replace'];
  readonly 'labels.detach': InstanceLabelStore['detach'];
  readonly 'labels.remove': InstanceLabelStore['remove'];
  readonly 'labels.version': InstanceLabelStore['version'];
  readonly 'audit.append': AuditStore['append'];
  readonly 'audit.list': AuditStore['list'];
  readonly 'audit.head': AuditStore['head'];
  readonly 'audit.readAfter': AuditStore['readAfter'];
  readonly 'audit.removeBefore': AuditStore['removeBefore'];
  readonly 'engineRecords.append': EngineRecordStore['append'];
  readonly 'engineRecords.update': EngineRecordStore['update'];
  readonly 'engineRecords.find': EngineRecordStore['find'];
  readonly 'engineRecords.findByInstance': EngineRecordStore['findByInstance'];
  readonly 'engineRecords.list': EngineRecordStore['list'];
  readonly 'engineRecords.remove': EngineRecordStore['remove'];
  readonly 'engineRecords.removeEnded': EngineRecordStore['removeEnded'];
  readonly 'configuration.version': ConfigurationStore['version'];
  readonly 'configuration.tables': ConfigurationStore['tables'];
  readonly 'configuration.saveValues': ConfigurationStore['saveValues'];
  readonly 'configuration.saveKey': ConfigurationStore['saveKey'];
  readonly 'configuration.removeKey': ConfigurationStore['removeKey'];
  readonly 'configuration.createCategory': ConfigurationStore['createCategory'];
  readonly 'configuration.updateCategory': ConfigurationStore['updateCategory'];
  readonly 'configuration.removeCategories': ConfigurationStore['removeCategories'];
  readonly 'configuration.saveTenant': ConfigurationStore['saveTenant'];
  readonly 'configuration.removeTenant': ConfigurationStore['removeTenant'];
  readonly 'configuration.saveUserIp': ConfigurationStore['saveUserIp'];
  readonly 'configuration.removeUserIp': ConfigurationStore['removeUserIp'];
  readonly ping: () => Promise<void>;
  readonly backUp: (file: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

export type Question = keyof DatabaseApi;
export type AnswerOf<Q extends Question> = Awaited<ReturnType<DatabaseApi[Q]>>;

export type Request = {
  readonly id: number;
  readonly question: Question;
  readonly values: readonly unknown[];
  /** How much longer the asker waits. What has not begun by then is not begun at all. */
  readonly budgetMs: number;
};

/** An error as a value. `code` is set for a `LinkisError`. */
export type WorkerFailure = {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: number;
  readonly retryable?: boolean;
  /** Of a `DatabaseAwayError`. */
  readonly isUndone?: boolean;
};

export type Reply =
  | {readonly type: 'opened'; readonly kind: DatabaseKind}
  | {readonly type: 'notOpened'; readonly failure: WorkerFailure}
  | {readonly type: 'log'; readonly level: 'info' | 'warn'; readonly message: string}
  | {readonly type: 'answer'; readonly id: number; readonly value: unknown}
  | {readonly type: 'failure'; readonly id: number; readonly failure: WorkerFailure};

export type WorkerSettings = {
  readonly target: DatabaseTarget;
  readonly leaseMs: number;
  /** Waiting for a lock longer than this counts as: the database is away. */
  readonly lockWaitMsMax: number;
};
