/** Over real links: what the calls are made of goes through frames, cuts and the death of a node. */
import {randomBytes} from 'node:crypto';
import test, {type ExecutionContext} from 'ava';
import {clusterGovernance} from '../../actors/cluster-governance.ts';
import {startEntranceService} from '../../actors/entrance-service.ts';
import {startFilesService} from '../../actors/files-service.ts';
import type {JobNews} from '../../actors/governance.ts';
import {FileMissingError, type JobFiles} from '../../actors/job-files.ts';
import {clusterJobFiles, HostLostError} from '../../actors/remote-files.ts';
import {linked, linkWorld} from '../cluster/link-world.ts';
import {caller} from '../support/entrance-cluster.ts';
import {createFakeGovernance} from '../support/fake-governance.ts';

const content = randomBytes(3_000_000);

const files: JobFiles = {
  list: async () =>
    Array.from({length: 10_000}, (_, number) => ({
      name: `_${number}.dolphin`,
      isDirectory: false,
      sizeBytes: number,
      modifiedAtMs: 1,
    })),
  entry: async () => undefined,
  resultPage: async path => {
    throw new FileMissingError(path);
  },
  async exportTables() {
    throw new Error('planted');
  },
  read: async () => ({
    sizeBytes: content.length,
    bytes: (async function* blocks() {
      for (let at = 0; at < content.length; at += 100_000) yield content.subarray(at, at + 100_000);
    })(),
  }),
};

/** An entrance `e:9` that has a job, and a gateway `g:9`. */
async function world(t: ExecutionContext) {
  const net = linkWorld(t);
  const [e, g] = [await net.node('e'), await net.node('g')];
  await linked(net, e, g);
  const fake = createFakeGovernance(net.clock.now);
  const quiet = {warn() {}, error() {}};
  const common = {system: e.system, receptionist: e.links.receptionist, log: quiet};
  const self = {instance: e.instance, incarnation: e.incarnation};
  startEntranceService({...common, governance: fake.governance, store: fake.jobs, self});
  startFilesService({...common, files});
  const dead = new Set<string>();
  const governance = clusterGovernance({
    receptionist: g.links.receptionist,
    self: {instance: g.instance, incarnation: g.incarnation},
    store: fake.jobs,
    isAlive: ({incarnation}) => !dead.has(incarnation),
    resolve: () => ({instance: e.instance, why: 'test'}),
    onOwnerChange: () => () => undefined,
    clock: net.clock,
    makeId: () => 'id',
    log: quiet,
    system: g.system,
  });
  t.teardown(() => governance.close());
  const remote = clusterJobFiles({
    local: files,
    instance: g.instance,
    receptionist: g.links.receptionist,
    holderOf: async () => e.instance,
    system: g.system,
  });
  await net.pass(20);
  const taskID = fake.add({instances: `${e.instance}#${e.incarnation}#1`, status: 'Running'});
  /** Lets time pass until it settles. */
  async function within<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    await net.until(() => isSettled, limitMs);
    return promise;
  }
  return {...net, e, g, fake, governance, remote, dead, taskID, within, play: fake.play(taskID)};
}

test('calls, their answers and their failures cross', async t => {
  const {governance, fake, taskID, within, play} = await world(t);
  // Deeper than a frame may be.
  const deep: object = JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`);
  const accepted = await within(governance.submit({params: deep}, caller, {idempotencyKey: 'k'}));
  t.true(accepted.taskID > 0);
  t.like(fake.submitted, [{body: {params: deep}, caller, idempotencyKey: 'k'}]);
  play.progress(0.5);
  t.like(await within(governance.find(taskID)), {progress: 0.5, progressInfo: []});
  play.log('ä line', 'x'.repeat(200_000));
  const chunk = await within(governance.readLog(taskID, 0, Infinity, Infinity));
  t.is(chunk?.lineCount, 2);
  t.is(
    Buffer.from(chunk?.bytes ?? [])
      .toString('utf8')
      .slice(0, 7),
    'ä line\n',
  );
  t.is(chunk?.bytes.length, 200_001 + 8);
  t.is(await within(governance.readLog(999, 0, 1, 1)), undefined);
  fake.killResult = 'underWay';
  t.like(await within(governance.kill(taskID, caller)), {result: 'underWay'});
});

test('a following survives a cut link, and its end comes once', async t => {
  const {governance, taskID, within, play, network, pass, e, g} = await world(t);
  const heard: JobNews[] = [];
  await within(governance.follow(taskID, news => heard.push(news)));
  play.log('one');
  await pass(20);
  network.cut(e.instance, g.instance);
  await pass(5000);
  play.log('two', 'three');
  network.heal(e.instance, g.instance);
  await pass(10_000);
  play.status('Succeed');
  await pass(50);
  t.deepEqual(
    heard.map(({type}) => type).filter(type => type !== 'log'),
    ['status', 'status', 'end'],
  );
  t.like(heard.at(-1), {type: 'end', status: 'Succeed', lines: 3});
  t.is(Math.max(...heard.map(news => (news.type === 'log' ? news.lines : 0))), 3);
  t.is(play.followers(), 0);
});

test('when its node has died a job is shown as its row says, and its log is named', async t => {
  const {governance, taskID, within, network, pass, e, g, dead} = await world(t);
  network.crash(e.instance);
  g.links.nodeDead(e.instance, e.incarnation);
  dead.add(e.incarnation);
  await pass(10);
  t.like(await within(governance.find(taskID)), {status: 'Running'});
  await t.throwsAsync(within(governance.readLog(taskID, 0, 1, 1), 60_000), {
    message: /lies on e:9, which is not running/,
  });
  t.false(governance.readiness().isReady);
});

test('files cross whole, in pieces', async t => {
  const {remote, within, network, e} = await world(t);
  t.is((await within(remote.list('/r/7')))?.length, 10_000);
  t.is(await within(remote.entry('/r/7/x')), undefined);
  await t.throwsAsync(
    within(remote.resultPage('/r/7/x', {page: 1, pageSize: 1, nullValue: {type: 'keep'}, maskedColumns: []})),
    {instanceOf: FileMissingError},
  );
  const {sizeBytes, bytes} = await within(remote.read('/r/7/x'));
  t.is(sizeBytes, content.length);
  const blocks: Uint8Array[] = [];
  const reader = bytes[Symbol.asyncIterator]();
  for (let next = await within(reader.next()); next.done !== true; next = await within(reader.next())) {
    blocks.push(next.value);
  }
  t.true(Buffer.concat(blocks).equals(content));
  const cut = (await within(remote.read('/r/7/x'))).bytes[Symbol.asyncIterator]();
  await within(cut.next());
  network.crash(e.instance);
  await t.throwsAsync(within(cut.next(), 90_000), {instanceOf: HostLostError});
});
