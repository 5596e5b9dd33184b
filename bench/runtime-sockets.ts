/** One actor at work while 200 sockets of another process echo: each turn of the event loop serves them all first. */
import {fork} from 'node:child_process';
import {once} from 'node:events';
import {connect, createServer} from 'node:net';
import {fileURLToPath} from 'node:url';
import {dispatch, spawn, type Ref as NactRef} from 'nact';
import type {Ref} from '../actors/runtime/ref.ts';
import {median, row, type BenchOptions, type Row} from './row.ts';
import {compare, newNact, newSystem, pause, until} from './runtime-contenders.ts';

const socketCount = 200;

/** One actor that always has messages waiting, while 200 sockets of another process echo 200 bytes each. */
export async function benchBesideSockets(options: BenchOptions): Promise<Row[]> {
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
  const client = fork(fileURLToPath(import.meta.url), [String(address.port)]);
  await until(() => echoes >= socketCount * 10);

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
    options,
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
  const [ours, theirs] = [median(echoRates.ours), median(echoRates.alone)];
  return [speed, row({...echoNames, ours, theirs, atLeast: 0.6})];
}

/** The other process: each socket waits for its echo before it sends again. */
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

if (process.argv[1] === fileURLToPath(import.meta.url)) runSockets(Number(process.argv[2]));
