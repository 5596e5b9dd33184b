/**
 * The actor runtime against plain nact on the same job, interleaved in one run, as ratios: on a machine shared with other
 * work absolute figures move by a factor of three. `node bench/runtime.ts` prints the table; exit code 1 if a goal is missed.
 */
import {fork} from 'node:child_process';
import {once} from 'node:events';
import {connect, createServer} from 'node:net';
import {fileURLToPath} from 'node:url';
import {dispatch, query, spawn, start, stop, type Ref as NactRef} from 'nact';
import {systemClock} from '../actors/runtime/clock.ts';
import type {Machine} from '../actors/runtime/machine.ts';
import {systemRandom} from '../actors/runtime/random.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import {startActorSystem, type ActorSystem} from '../actors/runtime/system.ts';

export type Row = {
  readonly name: string;
  readonly ours: number;
  readonly unit: string;
  readonly against: string;
  readonly theirs: number;
  /** `ours / theirs`. */
  readonly ratio: number;
  readonly goal: string;
  readonly ok: boolean;
};

type Question = {readonly number: number; readonly replyTo: Ref<number>};

const rounds = 5;
const socketCount = 200;
const idleActors = 50_000;
const openQuestions = 50_000;
const silent = {warn() {}, error() {}};

const newSystem = (mailboxMax?: number): ActorSystem =>
  startActorSystem({
    name: 'bench',
    clock: systemClock,
    random: systemRandom,
    log: silent,
    ...(mailboxMax === undefined ? {} : {mailboxMax}),
  });

const newNact = (): NactRef<never> => start();

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const turn = (): Promise<void> =>
  new Promise(resolve => {
    setImmediate(resolve);
  });

const pause = (ms: number): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, ms);
  });

/** Counts its messages; the decision is one constant, so that only the runtime is measured. */
function counter(onMessage: () => void): Machine<undefined, number, never> {
  const decision = {state: undefined, effects: []};
  return {
    initial: undefined,
    decide() {
      onMessage();
      return decision;
    },
    perform() {},
  };
}

const echo: Machine<undefined, Question, Question> = {
  initial: undefined,
  decide: (state, question) => ({state, effects: [question]}),
  perform: ({number, replyTo}) => void replyTo.tell(number),
};

/** Runs both in turn, several times after one warm-up, and compares the medians. */
async function compare(
  names: Pick<Row, 'name' | 'unit' | 'against'>,
  goal: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Row> {
  const [our, their]: [number[], number[]] = [[], []];
  await ours();
  await theirs();
  for (let round = 0; round < rounds; round += 1) {
    our.push(await ours());
    their.push(await theirs());
  }
  return row(names, '≥', goal, median(our), median(their));
}

function row(
  names: Pick<Row, 'name' | 'unit' | 'against'>,
  relation: '≥' | '≤',
  goal: number,
  ours: number,
  theirs: number,
): Row {
  const ratio = ours / theirs;
  const ok = relation === '≥' ? ratio >= goal : ratio <= goal;
  return {...names, ours, theirs, ratio, goal: `${relation} ${goal} ×`, ok};
}

/** Messages a second from one sender to one receiver, within the default bound: a full mailbox makes the sender wait. */
async function tellFlood(system: ActorSystem): Promise<number> {
  const messages = 2_000_000;
  let handled = 0;
  const ref = system.spawn(
    'receiver',
    counter(() => void (handled += 1)),
  );
  const startedMs = performance.now();
  for (let sent = 0; sent < messages;) {
    while (sent < messages && ref.tell(sent)) sent += 1;
    await turn();
  }
  while (handled < messages) await turn();
  const rate = (messages / (performance.now() - startedMs)) * 1000;
  await system.stop(ref);
  return rate;
}

async function nactFlood(system: NactRef<never>): Promise<number> {
  const messages = 100_000;
  let handled = 0;
  const ref = spawn(system, () => void (handled += 1));
  const startedMs = performance.now();
  for (let sent = 0; sent < messages; sent += 1) dispatch(ref, sent);
  while (handled < messages) await turn();
  const rate = (messages / (performance.now() - startedMs)) * 1000;
  stop(ref);
  return rate;
}

/** The same for 10,000 receivers. */
async function tellMany(system: ActorSystem): Promise<number> {
  const each = 100;
  let handled = 0;
  const group = system.group('many');
  const machine = counter(() => void (handled += 1));
  const refs = Array.from({length: 10_000}, (_, index) => group.spawn(`${index}`, machine));
  const startedMs = performance.now();
  for (let sent = 0; sent < each; sent += 1) for (const ref of refs) ref.tell(sent);
  while (handled < each * refs.length) await turn();
  const rate = (handled / (performance.now() - startedMs)) * 1000;
  await group.stop();
  return rate;
}

async function nactMany(system: NactRef<never>): Promise<number> {
  const each = 20;
  let handled = 0;
  const parent = spawn(system, () => {});
  const refs = Array.from({length: 10_000}, () => spawn(parent, () => void (handled += 1)));
  const startedMs = performance.now();
  for (let sent = 0; sent < each; sent += 1) for (const ref of refs) dispatch(ref, sent);
  while (handled < each * refs.length) await turn();
  const rate = (handled / (performance.now() - startedMs)) * 1000;
  for (const ref of refs) stop(ref);
  stop(parent);
  return rate;
}

async function askOneByOne(system: ActorSystem): Promise<number> {
  const questions = 20_000;
  const ref = system.spawn('echo', echo);
  const startedMs = performance.now();
  for (let number = 0; number < questions; number += 1) {
    await system.ask<Question, number>(ref, replyTo => ({number, replyTo}), 10_000);
  }
  const rate = (questions / (performance.now() - startedMs)) * 1000;
  await system.stop(ref);
  return rate;
}

const nactEcho = (
  system: NactRef<never>,
): NactRef<{readonly number: number; readonly replyTo: NactRef<number>}> =>
  spawn(
    system,
    (_state: undefined, message: {readonly number: number; readonly replyTo: NactRef<number>}) => {
      dispatch(message.replyTo, message.number);
      return undefined;
    },
  );

async function queryOneByOne(system: NactRef<never>): Promise<number> {
  const questions = 20_000;
  const ref = nactEcho(system);
  const startedMs = performance.now();
  for (let number = 0; number < questions; number += 1) {
    await query(ref, (replyTo: NactRef<number>) => ({number, replyTo}), 10_000);
  }
  const rate = (questions / (performance.now() - startedMs)) * 1000;
  stop(ref);
  return rate;
}

/** Answers a second until the last one that came, and how many were missing or wrong. */
async function allAtOnce(ask: (number: number) => Promise<unknown>): Promise<{rate: number; lost: number}> {
  let right = 0;
  let lastMs = 0;
  const startedMs = performance.now();
  const settled = Array.from({length: openQuestions}, async (_, number) => {
    try {
      if ((await ask(number)) !== number) return;
      right += 1;
      lastMs = performance.now();
    } catch {
      // Counted as lost.
    }
  });
  await Promise.all(settled);
  return {rate: (right / (lastMs - startedMs)) * 1000, lost: openQuestions - right};
}

async function askManyOpen(): Promise<Row[]> {
  const system = newSystem(openQuestions);
  const nact = newNact();
  const ref = system.spawn('echo', echo);
  const nactRef = nactEcho(nact);
  let lost = 0;
  const names = {name: `ask, ${openQuestions} open`, unit: 'answers/s', against: 'nact query'};
  const speed = await compare(
    names,
    3,
    async () => {
      const result = await allAtOnce(number =>
        system.ask<Question, number>(ref, replyTo => ({number, replyTo}), 20_000),
      );
      lost += result.lost;
      return result.rate;
    },
    async () => {
      const ask = (number: number): Promise<unknown> =>
        query(nactRef, (replyTo: NactRef<number>) => ({number, replyTo}), 5000);
      return (await allAtOnce(ask)).rate;
    },
  );
  await system.shutdown(1000);
  stop(nactRef);
  return [{...speed, goal: `${speed.goal}, none lost (${lost} lost)`, ok: speed.ok && lost === 0}];
}

/** One actor that always has messages waiting, while 200 sockets of another process echo 200 bytes each. */
async function besideSockets(): Promise<Row[]> {
  let echoes = 0;
  const server = createServer(socket => {
    socket.setNoDelay(true);
    socket.on('data', data => {
      echoes += 1;
      socket.write(data);
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The echo server has no port.');
  const client = fork(fileURLToPath(import.meta.url), ['sockets', String(address.port)]);
  while (echoes < socketCount * 10) await pause(20);

  const windowMs = 600;
  const echoRates: {alone: number[]; ours: number[]} = {alone: [], ours: []};
  const during = async (begin: (tick: () => boolean) => void, rates?: number[]): Promise<number> => {
    let handled = 0;
    let live = true;
    const echoesBefore = echoes;
    const startedMs = performance.now();
    begin(() => {
      handled += 1;
      return live;
    });
    await pause(windowMs);
    live = false;
    const seconds = (performance.now() - startedMs) / 1000;
    rates?.push((echoes - echoesBefore) / seconds);
    return handled / seconds;
  };

  const system = newSystem();
  const nact = newNact();
  const waiting = 64;
  const speed = await compare(
    {name: `tell to itself beside ${socketCount} busy sockets`, unit: 'messages/s', against: 'plain nact'},
    20,
    async () => {
      await during(() => {}, echoRates.alone);
      return during(tick => {
        const ref: Ref<number> = system.spawn<undefined, number, number>('busy', {
          initial: undefined,
          decide: (state, message) => ({state, effects: [message]}),
          perform: (message, {self}) => {
            if (tick()) self.tell(message);
          },
        });
        for (let message = 0; message < waiting; message += 1) ref.tell(message);
      }, echoRates.ours);
    },
    () =>
      during(tick => {
        const ref: NactRef<number> = spawn(nact, (_state: undefined, message: number) => {
          if (tick()) dispatch(ref, message);
          return undefined;
        });
        for (let message = 0; message < waiting; message += 1) dispatch(ref, message);
      }),
  );
  client.disconnect();
  await once(client, 'exit');
  server.close();
  await system.shutdown(1000);
  const echoNames = {
    name: 'echoes of those sockets meanwhile',
    unit: 'echoes/s',
    against: 'no actor at work',
  };
  return [speed, row(echoNames, '≥', 0.6, median(echoRates.ours), median(echoRates.alone))];
}

/** The other process of `besideSockets`: each socket waits for its echo before it sends again. */
function runSockets(port: number): void {
  const payload = Buffer.alloc(200, 1);
  for (let index = 0; index < socketCount; index += 1) {
    const socket = connect(port, '127.0.0.1', () => socket.write(payload));
    let received = 0;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', data => {
      received += data.length;
      if (received < payload.length) return;
      received -= payload.length;
      socket.write(payload);
    });
  }
  process.on('disconnect', () => process.exit(0));
}

type Memory = {
  readonly ours: number;
  readonly theirs: number;
  readonly queued: number;
  readonly kept: number;
};

async function memory(): Promise<Row[]> {
  const child = fork(fileURLToPath(import.meta.url), ['memory'], {execArgv: ['--expose-gc']});
  const [{ours, theirs, queued, kept}] = (await once(child, 'message')) as [Memory];
  await once(child, 'exit');
  return [
    row({name: 'idle actor', unit: 'bytes', against: 'plain nact'}, '≤', 1.5, ours, theirs),
    row({name: 'waiting message, besides itself', unit: 'bytes', against: '32 bytes'}, '≤', 1, queued, 32),
    row({name: 'kept after a burst of a million', unit: 'bytes', against: '4 KB'}, '≤', 1, kept, 4096),
  ];
}

/** The other process of `memory`. Every actor has handled a message, as a fresh one has no mailbox yet. */
async function runMemory(): Promise<void> {
  const {gc} = globalThis;
  if (gc === undefined) throw new Error('Run with --expose-gc.');
  const heapBytes = (): number => {
    void gc();
    void gc();
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
  while (system.metrics().messagesHandled < idleActors + burst) await turn();
  await pause(50);
  const kept = heapBytes() - idle;
  process.send?.({ours, theirs, queued, kept: Math.max(0, kept)}, () => process.exit(0));
}

/** All rows of the runtime; takes about a minute. */
export async function benchRuntime(): Promise<Row[]> {
  const system = newSystem();
  const nact = newNact();
  const tell = {unit: 'messages/s', against: 'plain nact'};
  const rows = [
    await compare(
      {name: 'tell, one receiver', ...tell},
      15,
      () => tellFlood(system),
      () => nactFlood(nact),
    ),
    await compare(
      {name: 'tell, 10,000 receivers', ...tell},
      10,
      () => tellMany(system),
      () => nactMany(nact),
    ),
    ...(await besideSockets()),
    await compare(
      {name: 'ask, one at a time', unit: 'answers/s', against: 'nact query'},
      1.2,
      () => askOneByOne(system),
      () => queryOneByOne(nact),
    ),
    ...(await askManyOpen()),
    ...(await memory()),
  ];
  await system.shutdown(1000);
  return rows;
}

const figure = (value: number): string =>
  value.toLocaleString('en', {maximumSignificantDigits: 3, useGrouping: true});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [part, port] = process.argv.slice(2);
  if (part === 'sockets') runSockets(Number(port));
  else if (part === 'memory') await runMemory();
  else {
    const rows = await benchRuntime();
    for (const {name, ours, unit, theirs, against, ratio, goal, ok} of rows) {
      const figures = `${figure(ours)} ${unit}, ${against} ${figure(theirs)}: ${ratio.toFixed(2)} × (goal ${goal})`;
      console.log(`${ok ? 'ok  ' : 'MISS'} ${name.padEnd(40)} ${figures}`);
    }
    process.exit(rows.every(({ok}) => ok) ? 0 : 1);
  }
}
