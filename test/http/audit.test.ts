/** Who changed what: each changing call leaves one row, with what was before and after, and without secrets. */
import test, {type ExecutionContext} from 'ava';
import {Writable} from 'node:stream';
import {pino} from 'pino';
import type {StoredAudit} from '../../actors/audit.ts';
import type {ClusterView} from '../../actors/cluster-view.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {createAudit, type Audit} from '../../http/audit.ts';
import {printAudited} from '../../http/audit-text.ts';
import {SubmissionError} from '../support/fake-governance.ts';
import {startFacade, type Client, type FacadeWorld} from '../support/facade-world.ts';
import {createMemoryAudit, type MemoryAudit} from '../support/memory-audit.ts';
import {startRoutingFacade} from '../support/routing-world.ts';

type AuditWorld = {
  readonly facade: FacadeWorld;
  readonly store: MemoryAudit;
  readonly lines: Record<string, unknown>[];
  /** Rows but those of logins. */
  readonly rows: () => readonly StoredAudit[];
};

function memoryTrail(options: {isFull?: boolean; submissions?: boolean} = {}) {
  const store = createMemoryAudit();
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  let made = 0;
  const audit: Audit = createAudit(pino(sink), systemClock, {
    trail: {
      append(entry) {
        if (options.isFull === true) return false;
        void store.append([{...entry, entryId: `t-${(made += 1)}`, node: 'a:9104'}]);
        return true;
      },
    },
    submissions: options.submissions ?? true,
  });
  return {store, lines, audit};
}

async function openWorld(t: ExecutionContext, options: Parameters<typeof memoryTrail>[0] = {}) {
  const {store, lines, audit} = memoryTrail(options);
  const cluster: ClusterView = {
    nodes: () => [
      {
        instance: 'b:9104',
        incarnation: 'x',
        state: 'up',
        roles: ['entrance'],
        labels: {},
        isSelf: false,
        isReachable: true,
        isManager: false,
        isOffline: false,
        url: null,
        pid: null,
        dataDirectory: null,
        link: null,
      },
    ],
    async drain(instance) {
      if (instance === 'z:1') throw new Error('no such node');
    },
  };
  const facade = await startFacade(t, {}, systemClock, {audit, auditStore: store, cluster});
  const world: AuditWorld = {
    facade,
    store,
    lines,
    rows: () => store.rows.filter(({action}) => !action.startsWith('log')),
  };
  return world;
}

const send = (client: Client, url: string, method: string, body?: unknown) =>
  fetch(url, {
    method,
    headers: {cookie: client.cookie, 'content-type': 'application/json'},
    ...(body !== undefined && {body: JSON.stringify(body)}),
  });

const submitBody = {
  executionContent: {code: 'echo secret-in-code', runType: 'shell'},
  labels: {engineType: 'shell-1', userCreator: 'alice-IDE'},
};

test('a kill tells who, when, of what, and the status before and after', async t => {
  const {facade, rows} = await openWorld(t);
  const alice = await facade.as('alice');
  const taskID = facade.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
  const before = systemClock.now();
  t.is((await alice.get(`/api/entrance/${taskID}/kill`)).body.status, 0);
  const [row, ...more] = rows();
  t.deepEqual(more, []);
  t.like(row, {action: 'kill', user: 'alice', target: `job:${taskID}`, outcome: 'done'});
  t.true((row?.at ?? 0) >= before && (row?.at ?? 0) <= systemClock.now());
  t.deepEqual(JSON.parse(row?.before ?? ''), {status: 'Running'});
  t.like(JSON.parse(row?.after ?? ''), {status: 'Cancelled', result: 'ended'});
  t.regex(row?.address ?? '', /127\.0\.0\.1|::1/);
  t.truthy(row?.requestId);
});

test('a kill that was not allowed is there as refused', async t => {
  const {facade, rows} = await openWorld(t);
  const bob = await facade.as('bob');
  const taskID = facade.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
  await bob.get(`/api/entrance/${taskID}/kill`);
  t.deepEqual(
    rows().map(({action, user, outcome}) => [action, user, outcome]),
    [['killRefused', 'bob', 'refused']],
  );
});

test('each submission is a row without its code, and no line of the log', async t => {
  const {facade, rows, lines} = await openWorld(t);
  const alice = await facade.as('alice');
  const {body} = await alice.post('/api/entrance/submit', submitBody);
  t.is(body.status, 0);
  const [row] = rows();
  t.like(row, {action: 'submit', user: 'alice', target: `job:${String(body.data['taskID'])}`});
  t.false(JSON.stringify(rows()).includes('secret-in-code'));
  t.false(lines.some(({action}) => action === 'submit'));
});

test('submissions are left out when the operator wants it so, and nothing else is', async t => {
  const {facade, rows} = await openWorld(t, {submissions: false});
  const alice = await facade.as('alice');
  await alice.post('/api/entrance/submit', submitBody);
  await alice.post('/api/entrance/submit', {nonsense: true});
  t.deepEqual(rows(), []);
  await alice.get(`/api/entrance/${facade.add({submitUser: 'alice', executeUser: 'alice'})}/kill`);
  t.deepEqual(
    rows().map(({action}) => action),
    ['kill'],
  );
});

test('a changing route that notes nothing by itself is noted with its path, never with body or query', async t => {
  const {facade, rows} = await openWorld(t);
  const root = await facade.as('root');
  facade.refusal = new SubmissionError(12001, 'the queue is full');
  await root.post('/api/entrance/submit?password=in-the-query', {code: 'in-the-body'});
  const [row] = rows();
  t.like(row, {action: 'submit', outcome: 'refused', target: '/api/entrance/submit'});
  t.false(JSON.stringify(rows()).includes('in-the'));
});

test('reading leaves no row, and neither does a call that nobody may make', async t => {
  const {facade, store} = await openWorld(t);
  const alice = await facade.as('alice');
  const logins = store.rows.length;
  await alice.get('/api/jobhistory/list');
  await alice.get('/api/nothing/here');
  await facade.client().post('/api/entrance/submit', submitBody);
  t.is(store.rows.length, logins);
});

test('a drain is noted with the node’s state, and as failed when it failed', async t => {
  const {facade, rows} = await openWorld(t);
  const root = await facade.as('root');
  await root.post('/api/cluster/drain', {instance: 'b:9104'});
  await root.post('/api/cluster/drain', {instance: 'z:1'});
  t.like(rows()[0], {
    action: 'drain',
    target: 'b:9104',
    outcome: 'done',
    before: '{"state":"up"}',
    after: '{"state":"leaving"}',
  });
  t.like(rows()[1], {target: 'z:1', outcome: 'failed', details: '{"instance":"z:1","why":"no such node"}'});
});

test('changes of labels and of being online tell what was before and after', async t => {
  const {store, audit} = memoryTrail();
  const {facade} = await startRoutingFacade(t, {audit});
  const root = await facade.as('root');
  const instanceLabel = `${facade.url}/api/microservice/instanceLabel`;
  await send(root, instanceLabel, 'PUT', {
    applicationName: 'linkis-cg-entrance',
    instance: 'b:9104',
    labels: [{labelKey: 'route', stringValue: 'et2'}],
  });
  await root.get('/api/entrance/operation/label/markoffline?instance=b:9104');
  await root.get('/api/entrance/operation/label/backonline?instance=b:9104');
  await root.post('/api/entrance/operation/label/update?instance=b:9104', {routeLabel: 'et3'});
  await send(await facade.as('alice'), instanceLabel, 'PUT', {instance: 'b:9104', labels: []});
  t.like(store.rows.at(-1), {
    action: 'change',
    user: 'alice',
    outcome: 'refused',
    target: '/api/microservice/instanceLabel',
    details: '{"method":"PUT","status":400}',
  });
  const rows = store.rows.filter(({target}) => target === 'b:9104');
  t.deepEqual(
    rows.map(({action, before, after}) => [action, before, after]),
    [
      ['labelsChanged', '{"route":"et1"}', '{"route":"et2"}'],
      ['markedOffline', '{"isOnline":true}', '{"isOnline":false}'],
      ['backOnline', '{"isOnline":false}', '{"isOnline":true}'],
      ['labelsChanged', '{"route":"et2"}', '{"route":"et3"}'],
    ],
  );
});

test('logins and logouts are rows, those that failed too, and no password is', async t => {
  const {facade, store} = await openWorld(t);
  const alice = await facade.as('alice');
  await alice.post('/api/user/logout', {});
  await facade.client().post('/api/user/login', {userName: 'bob', password: 'a wrong password'});
  t.deepEqual(
    store.rows.map(({action, user}) => [action, user]),
    [
      ['login', 'alice'],
      ['logout', 'alice'],
      ['loginFailed', 'bob'],
    ],
  );
  t.false(JSON.stringify(store.rows).includes('pw-alice'));
  t.false(JSON.stringify(store.rows).includes('a wrong password'));
});

test('who is turned away at the login again and again is one row a minute, and a line each time', t => {
  const {store, lines, audit} = memoryTrail();
  const who = {user: 'bob', address: '192.0.2.7', requestId: 'r'};
  for (let n = 0; n < 50; n += 1) audit.note('loginLimited', {...who});
  audit.note('loginLimited', {...who, address: '192.0.2.8'});
  t.deepEqual(
    store.rows.map(({address}) => address),
    ['192.0.2.7', '192.0.2.8'],
  );
  t.is(lines.length, 51);
});

test('what the trail can not keep is a line of the log, submissions included', async t => {
  const {facade, lines} = await openWorld(t, {isFull: true});
  const alice = await facade.as('alice');
  await alice.post('/api/entrance/submit', submitBody);
  t.true(lines.some(({action, user}) => action === 'submit' && user === 'alice'));
});

test('administrators page through the audit; others do not, and nobody without a login', async t => {
  const {facade} = await openWorld(t);
  const [root, alice] = [await facade.as('root'), await facade.as('alice')];
  const taskID = facade.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
  await alice.get(`/api/entrance/${taskID}/kill`);
  const list = async (query: string) => (await root.get(`/api/audit/list?${query}`)).body.data;
  const {entries, totalPage} = await list(`user=alice&target=job:${taskID}&action=kill`);
  t.is(totalPage, 1);
  t.like((entries as object[])[0], {
    user: 'alice',
    action: 'kill',
    outcome: 'done',
    before: {status: 'Running'},
    details: {taskID, owner: 'alice'},
  });
  t.is((await list('')).totalPage, 3);
  t.is(((await list('pageSize=2&pageNow=2')).entries as object[]).length, 1);
  t.is((await list(`from=${systemClock.now() + 60_000}`)).totalPage, 0);
  t.is((await list('user=&action=')).totalPage, 3);
  const refused = await alice.get('/api/audit/list');
  t.is(refused.status, 400);
  t.false('entries' in refused.body.data);
  t.is((await facade.client().get('/api/audit/list')).status, 401);
  t.is((await root.get('/api/audit/list?from=yesterday')).status, 400);
});

for (const [what, value, text] of [
  ['a password', {user: 'a', password: 'x'}, '{"user":"a","password":"(hidden)"}'],
  ['a secret deep down', {a: [{clientSecret: 'x'}]}, '{"a":[{"clientSecret":"(hidden)"}]}'],
  ['a token, but not its number', {token: 'x', tokenId: 3}, '{"token":"(hidden)","tokenId":3}'],
  [
    'the value of a setting that is a secret',
    {key: 'wds.linkis.jdbc.password', configValue: 'x'},
    '{"key":"wds.linkis.jdbc.password","configValue":"(hidden)"}',
  ],
  [
    'the value of another setting',
    {key: 'wds.linkis.jdbc.username', configValue: 'x'},
    '{"key":"wds.linkis.jdbc.username","configValue":"x"}',
  ],
  ['nothing', undefined, ''],
] as const) {
  test(`${what} is written as it should be`, t => {
    t.is(printAudited(value), text);
  });
}

test('what is endless stays bounded, and is JSON all the same', t => {
  const deep: Record<string, unknown> = {};
  deep['self'] = deep;
  for (const value of [
    deep,
    {list: Array.from({length: 100_000}, () => 'x'.repeat(1000))},
    {text: 'x'.repeat(1_000_000)},
  ]) {
    const text = printAudited(value);
    t.true(text.length < 9000, String(text.length));
    t.notThrows(() => {
      JSON.parse(text);
    });
  }
});
