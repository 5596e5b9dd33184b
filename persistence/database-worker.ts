/**
 * The database's own thread: SQLite blocks while it works, and MikroORM's code and data stay out of the main thread.
 * Commits are done one after another, in the order they were asked for: what was asked again after a time-out must
 * not overtake its first try.
 */
import {parentPort, workerData} from 'node:worker_threads';
import {DatabaseAwayError} from '../actors/ports.ts';
import {systemClock} from '../actors/runtime/clock.ts';
import {accountStore} from './account-store.ts';
import {auditStore} from './audit-store.ts';
import {openBackend, type Backend} from './backend.ts';
import {engineRecordStore} from './engine-record-store.ts';
import {configurationStore} from './configuration-store.ts';
import {instanceLabelStore} from './instance-label-store.ts';
import {startUpkeep} from './history-upkeep.ts';
import {jobHistoryStore} from './job-history-store.ts';
import {leaseStore} from './lease-store.ts';
import {jobStore} from './job-store.ts';
import {packFailure} from './worker-failure.ts';
import type {DatabaseApi, Question, Reply, Request, WorkerSettings} from './worker-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('database-worker.ts is a worker thread, started by worker-client.ts.');
const tell = (reply: Reply): void => port.postMessage(reply);

const settings = workerData as WorkerSettings;

function inOrder<Values extends readonly unknown[], Result>(
  work: (...values: Values) => Promise<Result>,
): (...values: Values) => Promise<Result> {
  let before: Promise<unknown> = Promise.resolve();
  return (...values) => {
    const run = (): Promise<Result> => work(...values);
    const result = before.then(run, run);
    before = result.catch(() => undefined);
    return result;
  };
}

function apiOf({session, commit, backUp}: Backend): DatabaseApi {
  const jobs = jobStore(session, commit);
  const history = jobHistoryStore(session, jobs);
  const upkeep = startUpkeep(session, systemClock, error =>
    tell({
      type: 'log',
      level: 'warn',
      message: `The upkeep of the history failed, and is tried again later: ${String(error)}`,
    }),
  );
  const leases = leaseStore(session, settings.leaseMs);
  const accounts = accountStore(session);
  const labels = instanceLabelStore(session);
  const configuration = configurationStore(session);
  const audit = auditStore(session);
  const engineRecords = engineRecordStore(session);
  return {
    'jobs.reserveIds': jobs.reserveIds,
    'jobs.commit': jobs.commit,
    'jobs.get': jobs.get,
    'jobs.list': jobs.list,
    'jobs.countByStatus': jobs.countByStatus,
    'jobs.unfinished': jobs.unfinished,
    'jobs.byIdempotencyKey': jobs.byIdempotencyKey,
    'jobs.removeEnded': jobs.removeEnded,
    'history.details': history.details,
    'history.statistics': history.statistics,
    'history.due': history.due,
    'history.removeDue': history.removeDue,
    'leases.acquire': leases.acquire,
    'leases.renew': leases.renew,
    'leases.declareDead': leases.declareDead,
    'leases.list': leases.list,
    'accounts.user': accounts.user,
    'accounts.users': accounts.users,
    'accounts.putUser': accounts.putUser,
    'accounts.removeUser': accounts.removeUser,
    'accounts.tokenByValue': accounts.tokenByValue,
    'accounts.tokens': accounts.tokens,
    'accounts.addToken': accounts.addToken,
    'accounts.revokeToken': accounts.revokeToken,
    'accounts.session': accounts.session,
    'accounts.putSession': accounts.putSession,
    'accounts.touchSession': accounts.touchSession,
    'accounts.removeSession': accounts.removeSession,
    'accounts.sweepSessions': accounts.sweepSessions,
    'accounts.secret': accounts.secret,
    'labels.instances': labels.instances,
    'labels.labelsOf': labels.labelsOf,
    'labels.register': labels.register,
    'labels.replace': labels.replace,
    'labels.detach': labels.detach,
    'labels.remove': labels.remove,
    'labels.version': labels.version,
    'audit.append': audit.append,
    'audit.list': audit.list,
    'audit.head': audit.head,
    'audit.readAfter': audit.readAfter,
    'audit.removeBefore': audit.removeBefore,
    'engineRecords.append': engineRecords.append,
    'engineRecords.update': engineRecords.update,
    'engineRecords.find': engineRecords.find,
    'engineRecords.findByInstance': engineRecords.findByInstance,
    'engineRecords.list': engineRecords.list,
    'engineRecords.remove': engineRecords.remove,
    'engineRecords.removeEnded': engineRecords.removeEnded,
    'configuration.version': configuration.version,
    'configuration.tables': configuration.tables,
    'configuration.saveValues': configuration.saveValues,
    'configuration.saveKey': configuration.saveKey,
    'configuration.removeKey': configuration.removeKey,
    'configuration.createCategory': configuration.createCategory,
    'configuration.updateCategory': configuration.updateCategory,
    'configuration.removeCategories': configuration.removeCategories,
    'configuration.saveTenant': configuration.saveTenant,
    'configuration.removeTenant': configuration.removeTenant,
    'configuration.saveUserIp': configuration.saveUserIp,
    'configuration.removeUserIp': configuration.removeUserIp,
    ping: () => session.ping(),
    backUp,
    async close() {
      await upkeep.stop();
      await session.close();
    },
  };
}

async function answer(api: DatabaseApi, request: Request, dueMs: number): Promise<void> {
  const {id, question, values} = request;
  try {
    if (systemClock.monotonicMs() > dueMs)
      throw new DatabaseAwayError(`${question} waited too long to be begun.`, {isUndone: true});
    // The one place where a name meets its function; the client's `ask` has checked that the values fit it.
    const ask = api[question] as (...values: readonly unknown[]) => Promise<unknown>;
    tell({type: 'answer', id, value: await ask(...values)});
  } catch (error) {
    tell({type: 'failure', id, failure: packFailure(error)});
  }
}

try {
  const backend = await openBackend(settings, (level, message) => tell({type: 'log', level, message}));
  const api = apiOf(backend);
  const commitInOrder = inOrder((request: Request, dueMs: number) => answer(api, request, dueMs));
  const ordered: ReadonlySet<Question> = new Set(['jobs.commit']);
  port.on('message', (request: Request) => {
    const dueMs = systemClock.monotonicMs() + request.budgetMs;
    void (ordered.has(request.question) ? commitInOrder(request, dueMs) : answer(api, request, dueMs));
  });
  tell({type: 'opened', kind: backend.session.kind});
} catch (error) {
  tell({type: 'notOpened', failure: packFailure(error)});
  port.close();
}
