/**
 * What a message costs among many unfinished jobs: submit and kill with 100,000 jobs waiting in one group, against the
 * same with ten. The database is in memory, so that only queue, registry, actors and passivation are measured.
 */
import {startGovernanceNode} from '../actors/governance-node.ts';
import type {Caller, Governance} from '../actors/governance.ts';
import {createJobFeed} from '../actors/job-feed.ts';
import {systemClock} from '../actors/runtime/clock.ts';
import {systemRandom} from '../actors/runtime/random.ts';
import {startActorSystem} from '../actors/runtime/system.ts';
import {createCheckedStore} from '../test/simulation/checked-store.ts';
import {createMemoryLogs} from '../test/simulation/memory-logs.ts';
import {createEngineWorld} from '../test/support/engine-world.ts';
import {governanceFixture} from '../test/support/node-fixture.ts';
import {interleaved, median, row, type BenchOptions, type Row} from './row.ts';

const caller: Caller = {user: 'alice', isAdmin: false, hasAdminToken: false, address: 'bench', requestId: ''};
const quiet = {info() {}, warn() {}, error() {}};
const body = {
  executionContent: {code: '{"durationMs":3600000}', runType: 'shell'},
  labels: {engineType: 'shell-1'},
};
const roundOf = 500;

/** Microseconds for a submission and its kill, and the bytes that a waiting job keeps. */
export async function benchBacklog({isShort}: BenchOptions): Promise<Row[]> {
  const backlogJobs = isShort ? 20_000 : 100_000;
  const few = await node();
  const many = await node();
  await submitAll(few, 10);
  const beforeBytes = process.memoryUsage().rss;
  await submitAll(many, backlogJobs);
  const bytesPerJob = (process.memoryUsage().rss - beforeBytes) / backlogJobs;
  const samples = await interleaved(isShort ? 5 : 15, {few: () => lap(few), many: () => lap(many)});
  return [
    row({
      name: `submit and kill, ${backlogJobs.toLocaleString('en')} jobs waiting`,
      unit: 'µs',
      against: '10 waiting',
      ours: median(samples.many),
      theirs: median(samples.few),
      atMost: 1.5,
      note: 'rows in memory: nothing but our own work',
    }),
    row({
      name: 'memory of a waiting job',
      unit: 'B',
      against: 'limit',
      ours: bytesPerJob,
      theirs: 10_000,
      atMost: 1,
      note: 'its row in memory included',
    }),
  ];
}

async function node(): Promise<Governance> {
  const store = createCheckedStore(systemClock, 'none').view();
  const system = startActorSystem({name: 'backlog', clock: systemClock, random: systemRandom, log: quiet});
  const self = {instance: 'localhost:9001', incarnation: 'bench'};
  const settings = governanceFixture(self);
  const {governance} = await startGovernanceNode(
    {
      system,
      store,
      ping: store.ping,
      logs: createMemoryLogs(false),
      feed: createJobFeed(),
      clock: systemClock,
      log: quiet,
      driver: createEngineWorld(systemClock).driver(),
      isAlive: () => true,
      routeLabel: () => undefined,
      outbox: {append: async () => undefined, pending: async () => [], clear: async () => undefined},
    },
    {...settings, groupLimits: {runningMax: 1, waitingMax: 1_000_000}},
  );
  return governance;
}

async function submitAll(governance: Governance, count: number): Promise<void> {
  for (let at = 0; at < count; at += roundOf) {
    await Promise.all(
      Array.from({length: Math.min(roundOf, count - at)}, () => governance.submit(body, caller, {})),
    );
  }
}

/** Microseconds a job: submitted, then killed while it waits. */
async function lap(governance: Governance): Promise<number> {
  const startMs = performance.now();
  const jobs = await Promise.all(Array.from({length: roundOf}, () => governance.submit(body, caller, {})));
  await Promise.all(jobs.map(({taskID}) => governance.kill(taskID, caller)));
  return ((performance.now() - startMs) * 1000) / roundOf;
}
