/** The port for health and metrics of a node without a facade. */
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import test, {type ExecutionContext} from 'ava';
import {DatabaseAwayError} from '../../actors/ports.ts';
import {openHealthServer, type HealthServer} from '../../http/health-server.ts';
import type {Metric} from '../../http/metrics.ts';
import {manualClock} from '../support/manual-clock.ts';

const gauge = (name: string, labelNames: readonly string[], labels: Record<string, string>): Metric => ({
  name,
  help: name,
  type: 'gauge',
  labelNames,
  collect: () => [{labels, value: 7}],
});
const metrics = [
  gauge('tenon_test', [], {}),
  gauge('tenon_group_jobs', ['group'], {group: 'shell-IDE-alice'}),
  {
    ...gauge('tenon_broken', [], {}),
    collect: () => Promise.reject(new Error('can’t be had')),
  },
];

async function open(t: ExecutionContext, hasGroups = true) {
  const clock = manualClock();
  const node = {isReady: true, why: 'ready', database: undefined as Error | undefined, pings: 0};
  const faults: unknown[] = [];
  const server = await openHealthServer(
    {
      governance: {readiness: () => ({isReady: node.isReady, why: node.why})},
      clock,
      async ping() {
        node.pings += 1;
        if (node.database !== undefined) throw node.database;
      },
      metrics,
      onFault: error => faults.push(error),
    },
    {host: '127.0.0.1', port: 0, hasGroups},
  );
  t.teardown(() => server.close());
  return {server, clock, node, faults, get: (path: string, init?: RequestInit) => ask(server, path, init)};
}

async function ask({host, port}: HealthServer, path: string, init?: RequestInit) {
  const response = await fetch(`http://${host}:${port}${path}`, init);
  return {status: response.status, headers: response.headers, text: await response.text()};
}

test('live is up whatever the node can do', async t => {
  const {get, node} = await open(t);
  node.isReady = false;
  node.database = new DatabaseAwayError('gone');
  const {status, text, headers} = await get('/health/live');
  t.is(status, 200);
  t.is(text, '{"status":"up"}');
  t.is(headers.get('cache-control'), 'no-store');
  t.is(node.pings, 0);
});

test('ready says why it is not', async t => {
  const {get, node, clock} = await open(t);
  t.like(await get('/health/ready'), {status: 200, text: '{"status":"ready"}'});
  Object.assign(node, {isReady: false, why: 'draining'});
  t.like(await get('/health/ready'), {status: 503, text: '{"status":"not ready","why":"draining"}'});
  Object.assign(node, {isReady: true, database: new DatabaseAwayError('gone')});
  clock.advance(1000);
  t.like(await get('/health/ready'), {
    status: 503,
    text: '{"status":"not ready","why":"the database cannot be reached"}',
  });
});

test('the database is asked once a second, however many ask', async t => {
  const {get, node, clock} = await open(t);
  await Promise.all(Array.from({length: 20}, () => get('/health/ready')));
  t.is(node.pings, 1);
  clock.advance(1000);
  await get('/health/ready');
  t.is(node.pings, 2);
});

test('a fault is answered without its text, and told', async t => {
  const {get, node, faults} = await open(t);
  node.database = new Error('secret');
  const {status, text} = await get('/health/ready');
  t.is(status, 500);
  t.false(text.includes('secret'));
  t.is(faults.length, 1);
});

test('metrics are those of the node and its process; one that fails is left out', async t => {
  const {status, headers, text} = await (await open(t)).get('/metrics?x=1');
  t.is(status, 200);
  t.regex(headers.get('content-type') ?? '', /^text\/plain/);
  t.regex(text, /^tenon_test 7$/m);
  t.regex(text, /^tenon_group_jobs\{group="shell-IDE-alice"\} 7$/m);
  t.regex(text, /^process_cpu_seconds_total /m);
  t.notRegex(text, /^tenon_broken /m);
});

test('where metrics need a login on facades, nothing here names a group', async t => {
  const {text} = await (await open(t, false)).get('/metrics');
  t.regex(text, /^tenon_test 7$/m);
  t.false(text.includes('alice'));
});

test('there is nothing else, and nothing to change', async t => {
  const {get} = await open(t);
  for (const path of ['/', '/api/user/userInfo', '/health', '/__proto__', '/metrics/'])
    // oxlint-disable-next-line no-await-in-loop
    t.is((await get(path)).status, 404, path);
  t.is((await get('/health/live', {method: 'POST'})).status, 405);
  t.like(await get('/health/live', {method: 'HEAD'}), {status: 200, text: ''});
});

test('a taken port is an error, not a node without a probe', async t => {
  const other = createServer();
  await new Promise<void>(resolve => void other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const {port} = other.address() as AddressInfo;
  const {server: _, ...world} = await open(t);
  const error = await t.throwsAsync(
    openHealthServer(
      {
        governance: {readiness: () => ({isReady: true, why: 'ready'})},
        clock: world.clock,
        ping: async () => undefined,
        metrics: [],
        onFault: () => undefined,
      },
      {host: '127.0.0.1', port, hasGroups: true},
    ),
  );
  t.is((error as NodeJS.ErrnoException).code, 'EADDRINUSE');
});
