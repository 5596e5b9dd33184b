/** Bytes of an idle actor, of a waiting message, and of what a burst leaves behind, measured in a process of their own. */
import {fork} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import {dispatch, spawn} from 'nact';
import {row, type Row} from './row.ts';
import {counter, newNact, newSystem, pause, turn, until} from './runtime-contenders.ts';

const idleActors = 50_000;

type Memory = {
  readonly ours: number;
  readonly theirs: number;
  readonly queued: number;
  readonly kept: number;
  readonly keptByNact: number;
};

export async function benchMemory(): Promise<Row[]> {
  const child = fork(fileURLToPath(import.meta.url), [], {execArgv: ['--expose-gc']});
  const [{ours, theirs, queued, kept, keptByNact}] = (await once(child, 'message')) as [Memory];
  await once(child, 'exit');
  const against = 'plain nact';
  return [
    row({name: 'idle actor', unit: 'bytes', against, ours, theirs, atMost: 1.5}),
    row({
      name: 'waiting message, besides itself',
      unit: 'bytes',
      against: '32 bytes',
      ours: queued,
      theirs: 32,
      atMost: 1,
    }),
    row({
      name: 'kept by an actor after a burst of 1,000,000',
      unit: 'bytes',
      against,
      ours: kept,
      theirs: keptByNact,
      atMost: 0.02,
      note: 'heap after gc, noise of some 10 KB included',
    }),
  ];
}

/** The other process. Every actor has handled a message, as a fresh one has no mailbox yet. */
async function runMemory(): Promise<void> {
  const {gc} = globalThis;
  if (gc === undefined) throw new Error('Run with --expose-gc.');
  const heapBytes = (): number => {
    gc();
    gc();
    return process.memoryUsage().heapUsed;
  };
  const perActor = async (spawnAndTell: () => unknown[]): Promise<number> => {
    const before = heapBytes();
    const refs = spawnAndTell();
    for (let left = 5; left > 0; left -= 1) await turn();
    return (heapBytes() - before) / refs.length;
  };
  const system = newSystem(2_000_000);
  const machine = counter(() => {});
  const group = system.group('idle');
  const ours = await perActor(() =>
    Array.from({length: idleActors}, (_, index) => {
      const ref = group.spawn(`${index}`, machine);
      ref.tell(index);
      return ref;
    }),
  );
  const nact = newNact();
  const theirs = await perActor(() =>
    Array.from({length: idleActors}, (_, index) => {
      const ref = spawn(nact, () => {}, `a${index}`);
      dispatch(ref, index);
      return ref;
    }),
  );
  const burst = 1_000_000;
  const {promise: held} = Promise.withResolvers<void>();
  const blocked = system.spawn<undefined, number, number>('blocked', {
    initial: undefined,
    decide: state => ({state, effects: [0]}),
    perform: () => held,
  });
  const before = heapBytes();
  for (let message = 0; message < burst; message += 1) blocked.tell(message);
  const queued = (heapBytes() - before) / burst;
  const drained = system.spawn('drained', machine);
  drained.tell(0);
  await turn();
  const idle = heapBytes();
  for (let message = 0; message < burst; message += 1) drained.tell(message);
  await until(() => system.metrics().messagesHandled >= idleActors + burst);
  await pause(50);
  const kept = Math.max(0, heapBytes() - idle);
  let handled = 0;
  const nactDrained = spawn(nact, () => void (handled += 1), 'drained');
  const nactIdle = heapBytes();
  for (let message = 0; message < burst; message += 1) dispatch(nactDrained, message);
  await until(() => handled >= burst);
  await pause(50);
  const keptByNact = heapBytes() - nactIdle;
  dispatch(nactDrained, 0);
  process.send?.({ours, theirs, queued, kept, keptByNact}, () => process.exit(0));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMemory();
