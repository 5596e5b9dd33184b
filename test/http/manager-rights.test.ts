/** Who may do what about engines: each endpoint, asked by nobody, by somebody else, by the owner and by an administrator. */
import test from 'ava';
import {startManager, type ManagerWorld, type Method, type Who} from '../support/manager-world.ts';

/** What an answer has to be: HTTP 401, an envelope that refuses, one that agrees, or one that agrees and tells nothing of alice. */
type Expected = 'out' | 'no' | 'yes' | 'own';

type Row = {
  readonly call: string;
  readonly method: Method;
  readonly path: string;
  readonly body?: (world: ManagerWorld) => unknown;
  /** nobody, bob (not the owner), alice (the owner), root (an administrator) */
  readonly expected: readonly [Expected, Expected, Expected, Expected];
  /** Holds of the world when nobody has done what was refused. */
  readonly untouched?: (world: ManagerWorld) => boolean;
};

const ec = 'linkis-cg-engineconn';
const ecm = 'linkis-cg-engineconnmanager';
const host = 'host-02.example.com:9102';
const everybody = ['out', 'yes', 'yes', 'yes'] as const;
const administrators = ['out', 'no', 'no', 'yes'] as const;
const owners = ['out', 'no', 'yes', 'yes'] as const;
const ownOnly = ['out', 'own', 'yes', 'own'] as const;
const idleLives = ({engines}: ManagerWorld): boolean =>
  engines.live.has('e-idle') && engines.live.has('e-bob');
const isHealthy = ({engines}: ManagerWorld): boolean =>
  [...engines.live.values()].every(({health}) => health === 'Healthy');

const rows: readonly Row[] = [
  {call: 'listUserEngines', method: 'GET', path: 'linkisManager/listUserEngines', expected: ownOnly},
  {
    call: 'listEMEngines',
    method: 'POST',
    path: 'linkisManager/listEMEngines',
    body: () => ({em: {serviceInstance: {applicationName: ecm, instance: host}}}),
    expected: administrators,
  },
  {
    call: 'killEngineConn',
    method: 'POST',
    path: 'linkisManager/killEngineConn',
    body: ({idle}) => ({applicationName: ec, instance: idle}),
    expected: owners,
    untouched: idleLives,
  },
  {
    call: 'rm/enginekill',
    method: 'POST',
    path: 'linkisManager/rm/enginekill',
    body: ({idle}) => [{engineType: ec, engineInstance: idle}],
    expected: owners,
    untouched: idleLives,
  },
  {
    call: 'rm/enginekillAsyn',
    method: 'POST',
    path: 'linkisManager/rm/enginekillAsyn',
    body: ({idle}) => ({instances: [idle]}),
    expected: administrators,
    untouched: idleLives,
  },
  {
    call: 'rm/killUnlockEngineByEM',
    method: 'POST',
    path: 'linkisManager/rm/killUnlockEngineByEM',
    body: () => ({instance: host}),
    expected: administrators,
    untouched: idleLives,
  },
  {
    call: 'rm/killEngineByCreatorEngineType',
    method: 'POST',
    path: 'linkisManager/rm/killEngineByCreatorEngineType',
    body: () => ({creator: 'IDE', engineType: 'python-python3'}),
    expected: everybody,
    untouched: idleLives,
  },
  {
    call: 'modifyEngineInfo',
    method: 'PUT',
    path: 'linkisManager/modifyEngineInfo',
    body: ({idle}) => ({applicationName: ec, instance: idle, nodeHealthy: 'UnHealthy'}),
    expected: administrators,
    untouched: isHealthy,
  },
  {
    call: 'batchSetEngineToUnHealthy',
    method: 'POST',
    path: 'linkisManager/batchSetEngineToUnHealthy',
    body: ({idle}) => ({instances: [{applicationName: ec, instance: idle}]}),
    expected: administrators,
    untouched: isHealthy,
  },
  {
    call: 'listAllNodeHealthyStatus',
    method: 'GET',
    path: 'linkisManager/listAllNodeHealthyStatus',
    expected: everybody,
  },
  {
    call: 'getEngineConn, live',
    method: 'POST',
    path: 'linkisManager/getEngineConn',
    body: ({idle}) => ({applicationName: ec, instance: idle}),
    expected: owners,
  },
  {
    call: 'getEngineConn, ended',
    method: 'POST',
    path: 'linkisManager/getEngineConn',
    body: () => ({applicationName: ec, instance: 'x:1', ticketId: 'e-gone'}),
    expected: owners,
  },
  {call: 'listAllEMs', method: 'GET', path: 'linkisManager/listAllEMs', expected: administrators},
  {
    call: 'listAllECMHealthyStatus',
    method: 'GET',
    path: 'linkisManager/listAllECMHealthyStatus?onlyEditable=true',
    expected: everybody,
  },
  {
    call: 'modifyEMInfo',
    method: 'PUT',
    path: 'linkisManager/modifyEMInfo',
    body: () => ({applicationName: ecm, instance: host, emStatus: 'UnHealthy', description: 'x'}),
    expected: administrators,
    untouched: ({engines}) => engines.hosts.get(host)?.health === 'Healthy',
  },
  {
    call: 'openEngineLog',
    method: 'POST',
    path: 'linkisManager/openEngineLog',
    body: ({idle}) => ({
      applicationName: ec,
      instance: idle,
      emInstance: host,
      parameters: {logType: 'stdout', fromLine: 0, pageSize: 10},
    }),
    expected: owners,
    untouched: ({engines}) => engines.logRequests.length === 0,
  },
  {
    call: 'openEngineLog by the directory',
    method: 'POST',
    path: 'linkisManager/openEngineLog',
    body: () => ({
      applicationName: ec,
      instance: 'x:1',
      emInstance: host,
      parameters: {logType: 'stderr', logDirSuffix: 'alice/20240501/e-gone'},
    }),
    expected: owners,
    untouched: ({engines}) => engines.logRequests.length === 0,
  },
  {
    call: 'downloadEngineLog',
    method: 'GET',
    path: `engineconnManager/downloadEngineLog?emInstance=${host}&logDirSuffix=e-gone&logType=stderr`,
    expected: owners,
    untouched: ({engines}) => engines.logRequests.length === 0,
  },
  {
    call: 'ecinfo/get',
    method: 'GET',
    path: 'linkisManager/ecinfo/get?ticketid=e-gone',
    expected: owners,
  },
  {
    call: 'ecinfo/delete',
    method: 'DELETE',
    path: 'linkisManager/ecinfo/delete/e-gone%7D',
    expected: owners,
  },
  {
    call: 'ecinfo/ecrHistoryList',
    method: 'GET',
    path: 'linkisManager/ecinfo/ecrHistoryList?startDate=2024-04-01%2000:00:00',
    expected: ['out', 'own', 'yes', 'yes'],
  },
  {
    call: 'ecinfo/ecrHistoryList of alice',
    method: 'GET',
    path: 'linkisManager/ecinfo/ecrHistoryList?startDate=2024-04-01%2000:00:00&creator=alice',
    expected: ['out', 'own', 'yes', 'yes'],
  },
  {
    call: 'ecinfo/ecList',
    method: 'POST',
    path: 'linkisManager/ecinfo/ecList',
    body: () => ({creators: ['alice']}),
    expected: administrators,
  },
  {call: 'rm/userresources', method: 'POST', path: 'linkisManager/rm/userresources', expected: ownOnly},
  {
    call: 'rm/applicationlist',
    method: 'POST',
    path: 'linkisManager/rm/applicationlist',
    body: () => ({userCreator: '(someone,IDE)'}),
    expected: ['out', 'own', 'yes', 'own'],
  },
  {call: 'rm/engineType', method: 'GET', path: 'linkisManager/rm/engineType', expected: everybody},
  {
    call: 'rm/allUserResource',
    method: 'GET',
    path: 'linkisManager/rm/allUserResource',
    expected: administrators,
  },
  {
    call: 'rm/resetResource',
    method: 'DELETE',
    path: 'linkisManager/rm/resetResource',
    expected: administrators,
  },
  {
    call: 'rm/get-user-resource of alice',
    method: 'GET',
    path: 'linkisManager/rm/get-user-resource?username=alice',
    expected: owners,
  },
  {
    call: 'rm/get-user-resource',
    method: 'GET',
    path: 'linkisManager/rm/get-user-resource',
    expected: ownOnly,
  },
  {call: 'rm/engines', method: 'POST', path: 'linkisManager/rm/engines', expected: ownOnly},
  {call: 'rm/queues', method: 'POST', path: 'linkisManager/rm/queues', expected: everybody},
  {
    call: 'rm/queueresources',
    method: 'POST',
    path: 'linkisManager/rm/queueresources',
    body: () => ({queuename: 'default', clustername: 'default'}),
    expected: everybody,
  },
  {
    call: 'task-prediction of alice',
    method: 'GET',
    path: 'linkisManager/task-prediction?engineType=shell&creator=IDE&username=alice',
    expected: owners,
  },
  {call: 'reset-resource', method: 'GET', path: 'linkisManager/reset-resource', expected: administrators},
  {call: 'engineplugin/list', method: 'GET', path: 'engineplugin/list', expected: administrators},
  {
    call: 'engineplugin/getTypeList',
    method: 'GET',
    path: 'engineplugin/getTypeList',
    expected: administrators,
  },
  {
    call: 'engineplugin/getTypeVersionList',
    method: 'GET',
    path: 'engineplugin/getTypeVersionList/shell',
    expected: administrators,
  },
  {
    call: 'engineplugin/uploadEnginePluginBML',
    method: 'POST',
    path: 'engineplugin/uploadEnginePluginBML',
    expected: ['out', 'no', 'no', 'no'],
  },
  {call: 'engines/list', method: 'GET', path: 'engines/list', expected: ['out', 'own', 'yes', 'yes']},
  {call: 'engines/list?mine', method: 'GET', path: 'engines/list?mine=true', expected: ownOnly},
  {call: 'engines/ecms', method: 'GET', path: 'engines/ecms', expected: administrators},
  {
    call: 'engines/kill',
    method: 'POST',
    path: 'engines/kill',
    body: () => ({engine: 'e-idle'}),
    expected: owners,
    untouched: idleLives,
  },
  {
    call: 'engines/log',
    method: 'GET',
    path: 'engines/log?engine=e-idle',
    expected: owners,
    untouched: ({engines}) => engines.logRequests.length === 0,
  },
  {call: 'audit/list', method: 'GET', path: 'audit/list', expected: administrators},
];

const people: readonly Who[] = ['nobody', 'bob', 'alice', 'root'];

for (const {call, method, path, body, expected, untouched} of rows) {
  test(`${call}: ${people.map((who, n) => `${who} ${expected[n]}`).join(', ')}`, async t => {
    for (const [n, who] of people.entries()) {
      const world = await startManager(t);
      const {status, body: envelope, text} = await world.ask(who, method, path, body?.(world));
      switch (expected[n]) {
        case 'out':
          t.is(status, 401, who);
          t.is(envelope.status, -1);
          break;
        case 'no':
          t.is(status, 400, `${who}: ${text}`);
          t.is(envelope.status, 1, who);
          break;
        case 'own':
          t.is(status, 200, `${who}: ${text}`);
          // Nothing of what belongs to alice, who is none of these.
          t.false(/alice|e-idle|e-busy|e-gone/.test(text), `${who}: ${text}`);
          break;
        default:
          t.is(status, 200, `${who}: ${text}`);
          t.true(envelope.status === 0 || envelope.status === undefined, `${who}: ${text}`);
      }
      const wasRefused = expected[n] === 'out' || expected[n] === 'no';
      if (wasRefused && untouched !== undefined) t.true(untouched(world), `${who} did what was refused`);
    }
  });
}

test('a killing call that names one engine of somebody else ends none at all', async t => {
  const {ask, engines, idle, bobs} = await startManager(t);
  const {status, body} = await ask('alice', 'POST', 'linkisManager/rm/enginekill', [
    {applicationName: ec, engineInstance: idle},
    {applicationName: ec, engineInstance: bobs},
  ]);
  t.is(status, 400);
  t.is(
    body.message,
    `You have no permission to kill EngineConn ServiceInstance(linkis-cg-engineconn, ${bobs}, 0)`,
  );
  t.deepEqual(engines.ended, []);
});

test('somebody else’s engine and none at all are answered in the same words', async t => {
  const {ask, bobs} = await startManager(t);
  const absent = 'host-02.example.com:9102_e-none';
  for (const [method, path, bodyOf] of [
    ['POST', 'linkisManager/killEngineConn', (instance: string) => ({applicationName: ec, instance})],
    ['POST', 'linkisManager/getEngineConn', (instance: string) => ({applicationName: ec, instance})],
    ['POST', 'linkisManager/rm/enginekill', (engineInstance: string) => [{engineInstance}]],
    ['POST', 'engines/kill', (engine: string) => ({engine})],
    [
      'POST',
      'linkisManager/openEngineLog',
      (instance: string) => ({applicationName: ec, instance, parameters: {logType: 'stdout'}}),
    ],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const [theirs, none] = await Promise.all([
      ask('alice', method, path, bodyOf(bobs)),
      ask('alice', method, path, bodyOf(absent)),
    ]);
    t.is(theirs.text.replaceAll(bobs, '#'), none.text.replaceAll(absent, '#'), path);
    t.is(theirs.body.status, 1);
  }
});

test('the rights to a log are those to the engine that is read, whatever else is named', async t => {
  const {ask, engines, idle} = await startManager(t);
  for (const parameters of [
    {logType: 'stdout', logDirSuffix: 'e-bobs-gone'},
    {logType: 'stdout', ticketId: 'e-bobs-gone'},
    {logType: 'stdout', ticketId: 'e-bob', logDirSuffix: 'e-idle'},
    {logType: 'stdout', ticketId: '../e-bob'},
    {logType: '../../../etc/passwd', ticketId: 'e-idle'},
  ]) {
    // oxlint-disable-next-line no-await-in-loop
    const {body} = await ask('alice', 'POST', 'linkisManager/openEngineLog', {
      applicationName: ec,
      instance: idle,
      emInstance: host,
      parameters,
    });
    t.is(body.status, 1, JSON.stringify(parameters));
  }
  t.deepEqual(engines.logRequests, []);
  const {body} = await ask('root', 'POST', 'linkisManager/openEngineLog', {
    applicationName: ec,
    instance: '',
    emInstance: host,
    parameters: {logType: 'stdout', ticketId: '..'},
  });
  t.is(body.status, 1);
  t.deepEqual(engines.logRequests, []);
});
