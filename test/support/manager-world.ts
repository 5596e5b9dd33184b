/** A facade over engines in memory: two of alice's, one of bob's, on one host; and records of those that ended. */
import type {ExecutionContext} from 'ava';
import {systemClock, type Clock} from '../../actors/runtime/clock.ts';
import type {EngineRecordStore} from '../../actors/engine-record.ts';
import type {FacadeDependencies} from '../../http/route-context.ts';
import {startFacade, type Answer, type Client, type FacadeWorld} from './facade-world.ts';
import {createMemoryAudit, type MemoryAudit} from './memory-audit.ts';
import {createMemoryEngineRecords, engineLaunch} from './memory-engine-records.ts';
import {
  createMemoryEngines,
  ecmView,
  engineView,
  load,
  resourceUse,
  type MemoryEngines,
} from './memory-engines.ts';
import {createAudit} from '../../http/audit.ts';
import {pino} from 'pino';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Who = 'nobody' | 'bob' | 'alice' | 'root';

export type ManagerWorld = {
  readonly facade: FacadeWorld;
  readonly engines: MemoryEngines;
  readonly records: EngineRecordStore;
  readonly audit: MemoryAudit;
  /** As that person; bodies as JSON. */
  readonly ask: (who: Who, method: Method, path: string, body?: unknown) => Promise<Answer>;
  /** Instances of alice's idle and busy engine, and of bob's. */
  readonly idle: string;
  readonly busy: string;
  readonly bobs: string;
};

export const createdAt = Date.parse('2024-05-01T02:10:00Z');

/** alice administers nothing and owns `idle` and `busy`; root administers. `gone` is an engine of alice's that has ended. */
export async function startManager(
  t: ExecutionContext,
  replaced: Partial<FacadeDependencies> = {},
  clock: Clock = systemClock,
): Promise<ManagerWorld> {
  const idle = engineView('e-idle');
  const busy = engineView('e-busy', {
    engineType: 'python',
    version: 'python3',
    status: 'Busy',
    taskID: 7,
    entrance: 'host-01.example.com:9104',
    metrics: {
      rssBytes: 5_000_000,
      cpuMs: 1200,
      cpuShare: 0.5,
      readBytes: 1,
      writtenBytes: 2,
      processes: 3,
      diskBytes: 4,
      at: 1_714_530_060_000,
    },
  });
  const bobs = engineView('e-bob', {user: 'bob', reserved: load(2, 2, 1)});
  const engines = createMemoryEngines(
    [idle, busy, bobs],
    [ecmView({labels: {tenant: 'blue', route: 'et1'}}), ecmView({instance: 'host-03.example.com:9102'})],
    [
      resourceUse(),
      resourceUse({engineType: 'python', version: 'python3', max: load(4, 4, 4)}),
      resourceUse({user: 'bob', used: load(9.7, 2, 1)}),
      resourceUse({engineType: '', version: ''}),
    ],
  );
  engines.logs.set(
    'e-idle/stdout',
    Array.from({length: 12_000}, (_, n) => `line ${n + 1}`),
  );
  engines.logs.set('e-gone/stderr', ['the end']);
  const records = createMemoryEngineRecords();
  for (const [ticketId, user] of [
    ['e-gone', 'alice'],
    ['e-bobs-gone', 'bob'],
    ['e-idle', 'alice'],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    await records.append(engineLaunch(ticketId, {user, createTime: createdAt}));
  }
  for (const ticketId of ['e-gone', 'e-bobs-gone']) {
    // oxlint-disable-next-line no-await-in-loop
    await records.update(ticketId, {
      status: 'Success',
      used: load(1, 1, 1),
      usedTime: createdAt + 1000,
      released: load(1, 1, 1),
      releaseTime: createdAt + 60_000,
    });
  }
  await records.update('e-idle', {status: 'Unlock', used: load(1, 1, 1), usedTime: createdAt + 1000});

  const audit = createMemoryAudit();
  let made = 0;
  const facade = await startFacade(t, {}, clock, {
    engines,
    engineRecords: records,
    auditStore: audit,
    audit: createAudit(pino({enabled: false}), clock, {
      trail: {
        append(entry) {
          void audit.append([{...entry, entryId: `t-${(made += 1)}`, node: ''}]);
          return true;
        },
      },
    }),
    ...replaced,
  });
  const clients = new Map<Who, Promise<Client>>();
  const clientOf = (who: Who): Promise<Client> => {
    const client = clients.get(who) ?? (who === 'nobody' ? Promise.resolve(facade.client()) : facade.as(who));
    clients.set(who, client);
    return client;
  };

  return {
    facade,
    engines,
    records,
    audit,
    idle: idle.instance,
    busy: busy.instance,
    bobs: bobs.instance,
    async ask(who, method, path, body) {
      const {cookie} = await clientOf(who);
      const response = await fetch(`${facade.url}/api/rest_j/v1/${path}`, {
        method,
        headers: {cookie, ...(body !== undefined && {'content-type': 'application/json'})},
        ...(body !== undefined && {body: JSON.stringify(body)}),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: (isJson ? JSON.parse(text) : {}) as Answer['body'],
      };
    },
  };
}
