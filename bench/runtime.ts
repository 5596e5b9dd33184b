/**
 * The actor runtime against plain nact on the same job, interleaved in one run. `node bench/run.ts runtime` prints the
 * table; `node bench/runtime.ts` prints bare rows and exits with 1 if a goal is missed.
 */
import {fileURLToPath} from 'node:url';
import {dispatch, spawn, stop, type Ref as NactRef} from 'nact';
import type {ActorSystem} from '../actors/runtime/system.ts';
import type {BenchOptions, Row} from './row.ts';
import {benchAsk} from './runtime-ask.ts';
import {compare, counter, newNact, newSystem, turn, until} from './runtime-contenders.ts';
import {benchMemory} from './runtime-memory.ts';
import {benchBesideSockets} from './runtime-sockets.ts';

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
  await until(() => handled >= messages);
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
  await until(() => handled >= messages);
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
  await until(() => handled >= each * refs.length);
  const rate = (handled / (performance.now() - startedMs)) * 1000;
  await group.stop();
  return rate;
}

async function nactMany(system: NactRef<never>): Promise<number> {
  const each = 20;
  let handled = 0;
  const parent = spawn(system, () => {});
  const refs = Array.from({length: 10_000}, (_, index) =>
    spawn(parent, () => void (handled += 1), `a${index}`),
  );
  const startedMs = performance.now();
  for (let sent = 0; sent < each; sent += 1) for (const ref of refs) dispatch(ref, sent);
  await until(() => handled >= each * refs.length);
  const rate = (handled / (performance.now() - startedMs)) * 1000;
  for (const ref of refs) stop(ref);
  stop(parent);
  return rate;
}

/** All rows of the runtime; takes about a minute, half a one when short. */
export async function benchRuntime(options: BenchOptions = {isShort: false}): Promise<Row[]> {
  const system = newSystem();
  const nact = newNact();
  const tell = {unit: 'messages/s', against: 'plain nact'};
  const rows = [
    await compare(
      options,
      {name: 'tell, one receiver', ...tell},
      15,
      () => tellFlood(system),
      () => nactFlood(nact),
    ),
    await compare(
      options,
      {name: 'tell, 10,000 receivers', ...tell},
      10,
      () => tellMany(system),
      () => nactMany(nact),
    ),
    ...(await benchBesideSockets(options)),
    ...(await benchAsk(options)),
    ...(await benchMemory()),
  ];
  await system.shutdown(1000);
  return rows;
}

const figure = (value: number): string =>
  value.toLocaleString('en', {maximumSignificantDigits: 3, useGrouping: true});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rows = await benchRuntime();
  for (const {name, ours, unit, theirs, against, ratio, goal, ok} of rows) {
    const figures = `${figure(ours)} ${unit}, ${against} ${figure(theirs)}: ${ratio.toFixed(2)} × (goal ${goal})`;
    console.log(`${ok ? 'ok  ' : 'MISS'} ${name.padEnd(44)} ${figures}`);
  }
  process.exit(rows.every(({ok}) => ok) ? 0 : 1);
}
