/** BullMQ on either of its stores: one queue, one worker of this process, a processor that does nothing. */
import {Queue, Worker, createPostgresBackend} from 'bullmq';

export type QueuePeer = AsyncDisposable & {
  /** Puts `jobs` jobs in, at most `inFlight` not yet accepted, and waits until all have ended; jobs per second. */
  readonly run: (jobs: number, inFlight: number) => Promise<number>;
};

export type PeerStore = {readonly type: 'redis' | 'postgres'; readonly url: string};

const name = 'bench';
/** Of 20, 50, 100 and 200, with pools of 10 to 100 connections, both stores were fastest with these. */
const concurrency = 100;

export async function startBullMq(store: PeerStore): Promise<QueuePeer> {
  let ended = 0;
  let expected = Infinity;
  let finish = (): void => undefined;
  const process = async (): Promise<void> => undefined;
  const {queue, worker} =
    store.type === 'redis' ? onRedis(store.url, process) : onPostgres(store.url, process);
  worker.on('completed', () => {
    ended += 1;
    if (ended >= expected) finish();
  });
  await queue.waitUntilReady();
  await worker.waitUntilReady();

  return {
    async run(jobs, inFlight) {
      ended = 0;
      expected = jobs;
      const allEnded = new Promise<void>(resolve => {
        finish = resolve;
      });
      const startedMs = performance.now();
      let added = 0;
      const producer = async (): Promise<void> => {
        while (added < jobs) {
          added += 1;
          await queue.add('no-op', {code: 'true', runType: 'shell'});
        }
      };
      await Promise.all(Array.from({length: inFlight}, producer));
      await allEnded;
      return (jobs * 1000) / (performance.now() - startedMs);
    },
    async [Symbol.asyncDispose]() {
      await worker.close();
      await queue.close();
    },
  };
}

/** What both have in common; their types carry the store. */
type Pair = {
  readonly queue: Pick<Queue, 'waitUntilReady' | 'close'> & {
    readonly add: (name: string, data: unknown) => Promise<unknown>;
  };
  readonly worker: Pick<Worker, 'waitUntilReady' | 'close'> & {
    readonly on: (event: 'completed', listener: () => void) => unknown;
  };
};

function onRedis(url: string, process: () => Promise<void>): Pair {
  const connection = {
    host: new URL(url).hostname,
    port: Number(new URL(url).port),
    maxRetriesPerRequest: null,
  };
  return {
    queue: new Queue(name, {connection}),
    worker: new Worker(name, process, {connection, concurrency}),
  };
}

function onPostgres(url: string, process: () => Promise<void>): Pair {
  const connection = {
    connectionString: url,
    migrate: true,
    max: 20,
  };
  return {
    queue: new Queue(name, {connection}, createPostgresBackend),
    worker: new Worker(name, process, {connection, concurrency}, createPostgresBackend),
  };
}
