/**
 * The full life of a job that does nothing, from its submission to its recorded end, against job queues and against no queue at
 * all:
 *
 * - on warm engines in memory, so that what is measured is governance and durability, against BullMQ on PostgreSQL (durable
 *   too) and on Redis (not durable);
 * - as real shell jobs running `true`, against `xargs -P2 -n1 sh -c true`, which records nothing.
 *
 * All of a group run in this process, in turn, each alone; 64 submissions are under way at a time everywhere.
 */
import {spawn} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {systemClock} from '../actors/runtime/clock.ts';
import type {EngineDriver} from '../actors/ports.ts';
import {createCluster, type Cluster} from '../index.ts';
import {createEngineWorld} from '../test/support/engine-world.ts';
import {startBullMq} from './bullmq-peer.ts';
import {startPeerServers} from './peer-servers.ts';
import {interleaved, median, row, type BenchOptions, type Row} from './row.ts';

const inFlight = 64;

export async function benchQueuePeers(options: BenchOptions): Promise<Row[]> {
  return [...(await noOpJobs(options)), ...(await shellJobs(options))];
}

async function noOpJobs({isShort}: BenchOptions): Promise<Row[]> {
  using servers = startPeerServers();
  await using onRedis = await startBullMq({type: 'redis', url: servers.redisUrl});
  await using onPostgres = await startBullMq({type: 'postgres', url: servers.postgresUrl});
  await using ours = await openCluster(
    {
      'governance.groupRunningMax': inFlight,
      'governance.enginesMax': inFlight,
      'governance.enginesPerUserMax': inFlight,
      'governance.groupWaitingMax': 100_000,
    },
    createEngineWorld(systemClock).driver(),
  );
  const scale = isShort ? 0.3 : 1;
  const contenders = {
    ours: () => runJobs(ours.cluster, 5000 * scale, 'no-op'),
    redis: () => onRedis.run(10_000 * scale, inFlight),
    postgres: () => onPostgres.run(2000 * scale, inFlight),
  };
  await interleaved(1, contenders);
  const samples = await interleaved(isShort ? 2 : 5, contenders);
  const shared = {
    name: 'no-op job, submitted to ended',
    ours: median(samples.ours),
    unit: 'jobs/s',
  };
  const note = `ours is durable (SQLite, synchronous=FULL); range ${range(samples.ours)}`;
  return [
    row({
      ...shared,
      against: 'BullMQ on PostgreSQL, durable',
      theirs: median(samples.postgres),
      atLeast: 2,
      note,
    }),
    row({
      ...shared,
      against: 'BullMQ on Redis, not durable',
      theirs: median(samples.redis),
      atLeast: 0.5,
      note,
    }),
  ];
}

async function shellJobs({isShort}: BenchOptions): Promise<Row[]> {
  await using ours = await openCluster({'governance.groupWaitingMax': 100_000});
  const jobs = isShort ? 300 : 1500;
  const contenders = {
    ours: () => runJobs(ours.cluster, jobs, 'true'),
    xargs: () => runXargs(jobs),
  };
  await interleaved(1, contenders);
  const samples = await interleaved(isShort ? 2 : 5, contenders);
  return [
    row({
      name: 'shell job `true`, submitted to ended',
      ours: median(samples.ours),
      unit: 'jobs/s',
      against: 'xargs -P2 -n1 sh -c true',
      theirs: median(samples.xargs),
      atLeast: 0.3,
      note: `ours is durable, a session of its own each; range ${range(samples.ours)}`,
    }),
  ];
}

const range = (samples: readonly number[]): string =>
  `${Math.min(...samples).toFixed(0)}–${Math.max(...samples).toFixed(0)}`;

type OpenCluster = AsyncDisposable & {readonly cluster: Cluster};

async function openCluster(
  settings: Readonly<Record<string, number>>,
  engineDriver?: EngineDriver,
): Promise<OpenCluster> {
  const data = await mkdtemp(join(tmpdir(), 'tenon-bench-'));
  const cluster = await createCluster({
    data,
    settings,
    ...(engineDriver === undefined ? {} : {engineDriver}),
  });
  return {
    cluster,
    async [Symbol.asyncDispose]() {
      await cluster.close();
      await rm(data, {recursive: true, force: true});
    },
  };
}

/** Jobs per second from the first submission to the last recorded end; each must succeed. */
async function runJobs(cluster: Cluster, jobs: number, code: string): Promise<number> {
  const startedMs = performance.now();
  const ends: Promise<unknown>[] = [];
  const expectSuccess = async (taskID: number): Promise<void> => {
    const {status} = await cluster.ended(taskID);
    if (status !== 'Succeed') throw new Error(`Job ${taskID} ended as ${status}.`);
  };
  let submitted = 0;
  const producer = async (): Promise<void> => {
    while (submitted < jobs) {
      submitted += 1;
      const {taskID} = await cluster.submit({user: 'bench', engineType: 'shell-1', code});
      ends.push(expectSuccess(taskID));
    }
  };
  await Promise.all(Array.from({length: inFlight}, producer));
  await Promise.all(ends);
  return (jobs * 1000) / (performance.now() - startedMs);
}

function runXargs(jobs: number): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn('xargs', ['-P2', '-n1', 'sh', '-c', 'true'], {stdio: ['pipe', 'ignore', 'inherit']});
    child.once('error', reject);
    child.once('exit', code => {
      if (code === 0) resolve((jobs * 1000) / (performance.now() - startedMs));
      else reject(new Error(`xargs ended with ${code}.`));
    });
    child.stdin.end('x\n'.repeat(jobs));
  });
}
