import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import type {Lease, LeaseDetails} from '../../actors/domain/lease.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {openDatabase, type Database} from '../../persistence/database.ts';
import {
  endStoppedHolder,
  lockHoldersOf,
  processStateOf,
  stoppedHolderOf,
  watchForStoppedHolder,
} from '../../persistence/stopped-holder.ts';

const place: LeaseDetails = {bootId: 'boot-1', netNs: 'net:[1]'};
const self: LeaseDetails = {...place, pid: 10, startTime: 100};
const lapsed: Lease = {
  name: 'node:h:2',
  fence: 1,
  incarnation: 'b',
  state: 'up',
  details: {...place, pid: 20, startTime: 200},
  isExpired: true,
  stamp: '',
};
const stopped = {pid: 20, process: {startTime: 200, state: 'T'}};

test('a stopped holder whose lease has lapsed may be ended', t => {
  const found = stoppedHolderOf({leases: [lapsed], self, holders: [stopped]});
  t.deepEqual(found, {pid: 20, startTime: 200, lease: lapsed});
  const dead: Lease = {...lapsed, isExpired: false, state: 'dead'};
  t.is(stoppedHolderOf({leases: [dead], self, holders: [stopped]})?.pid, 20);
});

const spared = test.macro({
  exec(t, _why: string, lease: Lease, holder: typeof stopped | undefined) {
    const holders = holder === undefined ? [] : [holder];
    t.is(stoppedHolderOf({leases: [lease], self, holders}), undefined);
  },
  title: (_given, why: string) => `spared: ${why}`,
});

test(spared, 'its lease has not lapsed', {...lapsed, isExpired: false}, stopped);
test(spared, 'it runs', lapsed, {...stopped, process: {...stopped.process, state: 'S'}});
test(spared, 'it holds no lock', lapsed, undefined);
test(spared, 'its pid is used by a later process', lapsed, {
  ...stopped,
  process: {...stopped.process, startTime: 201},
});
test(
  spared,
  'its row is of another boot',
  {...lapsed, details: {...lapsed.details, bootId: 'boot-0'}},
  stopped,
);
test(
  spared,
  'its row is of another network namespace',
  {...lapsed, details: {...lapsed.details, netNs: 'net:[2]'}},
  stopped,
);
test(
  spared,
  'its row does not say when it began',
  {...lapsed, details: {...lapsed.details, startTime: undefined}},
  stopped,
);
test(spared, 'no row names it', {...lapsed, details: {...lapsed.details, pid: 21}}, stopped);
test(spared, 'it is ourselves', {...lapsed, details: self}, {pid: 10, process: {startTime: 100, state: 'T'}});

const program = fileURLToPath(new URL('./fixtures/lock-holder.ts', import.meta.url));
const leaseMs = 1000;
const linuxOnly = process.platform === 'linux' ? test : test.skip;
const bootPlace: LeaseDetails = {bootId: 'this boot', netNs: 'this one'};

type World = {readonly database: Database; readonly file: string; readonly holder: ChildProcess};

/** The holder's lease is taken, and lapses: while it holds the lock nobody could renew it. */
async function holderWorld(t: ExecutionContext, what: 'stop' | 'run'): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-holder-'));
  const file = join(directory, 'tenon.db');
  const database = await openDatabase({
    url: `sqlite:${file}`,
    dataDirectory: directory,
    clock: systemClock,
    log: (_level, message) => t.log(message),
    leaseMs,
    commitTimeoutMs: 2000,
    queryTimeoutMs: 2000,
  });
  const holder = spawn(process.execPath, [program, file, what], {stdio: ['pipe', 'pipe', 'inherit']});
  t.teardown(async () => {
    holder.kill('SIGKILL');
    await database.close();
    rmSync(directory, {recursive: true, force: true});
  });
  const {pid = 0} = holder;
  const startTime = processStateOf(pid)?.startTime;
  await database.leases.acquire('node:h:2', 'b', {...bootPlace, pid, startTime});
  holder.stdin.write('go');
  await once(holder.stdout, 'data');
  while (what === 'stop' && processStateOf(pid)?.state !== 'T') await sleep(5);
  return {database, file, holder};
}

linuxOnly(
  'a process stops while it holds the write lock: it is spared until its lease has lapsed, then ended, and the lock is free',
  async t => {
    const {database, file, holder} = await holderWorld(t, 'stop');
    t.deepEqual(lockHoldersOf(file), [holder.pid]);
    t.is(await endStoppedHolder(file, database.leases, {...bootPlace, pid: process.pid}), undefined);
    await t.throwsAsync(database.leases.acquire('node:h:1', 'a', {}), {instanceOf: Error});

    while (!(await database.leases.list('node:')).every(({isExpired}) => isExpired)) await sleep(100);
    const other = {...bootPlace, bootId: 'another', pid: process.pid};
    t.is(await endStoppedHolder(file, database.leases, other), undefined, 'of another boot: no proof');
    t.is(holder.signalCode, null);
    const ended = await endStoppedHolder(file, database.leases, {...bootPlace, pid: process.pid});
    t.is(ended?.pid, holder.pid);
    t.is(ended?.lease.name, 'node:h:2');
    const killedMs = performance.now();
    t.truthy(await database.leases.acquire('node:h:1', 'a', {}));
    t.log(`written ${(performance.now() - killedMs).toFixed(1)} ms after the kill`);
    t.deepEqual(lockHoldersOf(file), []);
    t.true(await database.leases.declareDead((await database.leases.list('node:h:2'))[0] ?? lapsed));
  },
);

linuxOnly('a process that holds the lock and runs is spared, however late its lease is', async t => {
  const {database, file, holder} = await holderWorld(t, 'run');
  while (!(await database.leases.list('node:')).every(({isExpired}) => isExpired)) await sleep(100);
  t.deepEqual(lockHoldersOf(file), [holder.pid]);
  t.is(await endStoppedHolder(file, database.leases, {...bootPlace, pid: process.pid}), undefined);
  t.is(holder.signalCode, null);
  await t.throwsAsync(database.leases.acquire('node:h:1', 'a', {}), {instanceOf: Error});
});

linuxOnly('the watch looks only while this node is frozen, and says whom it has ended', async t => {
  const {database, file, holder} = await holderWorld(t, 'stop');
  let isFrozen = false;
  const ended: number[] = [];
  const stop = watchForStoppedHolder({
    databaseFile: file,
    leases: database.leases,
    self: {...bootPlace, pid: process.pid},
    clock: systemClock,
    isFrozen: () => isFrozen,
    onEnded: ({pid}) => ended.push(pid),
  });
  t.teardown(stop);
  await sleep(leaseMs + 2500);
  t.is(holder.signalCode, null);
  isFrozen = true;
  await once(holder, 'exit');
  while (ended.length === 0) await sleep(10);
  t.deepEqual(ended, [holder.pid]);
});
