/** The bare peers of the cluster benchmark, as the near side uses them: raw TCP, ws without actors, HTTP. */
import {Agent, request} from 'node:http';
import {connect, type Socket} from 'node:net';
import {Packr} from 'msgpackr';
import {WebSocket} from 'ws';
import {job, messageBytes} from './cluster-contenders.ts';

const highMark = 1024 * 1024;
const burst = 256;

export const turn = (): Promise<void> =>
  new Promise(resolve => {
    setImmediate(resolve);
  });

const tcp = (port: number): Promise<Socket> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.setNoDelay(true);
  });

const websocket = (port: number, path: string): Promise<WebSocket> =>
  new Promise(resolve => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {perMessageDeflate: false});
    socket.on('open', () => resolve(socket));
  });

/** One write for each of `messages`. */
export async function tcpFlood(port: number, messages: number, done: Promise<unknown>): Promise<void> {
  const socket = await tcp(port);
  const message = Buffer.alloc(messageBytes, 65);
  for (let sent = 0; sent < messages; sent += 1) {
    socket.write(message);
    if (sent % burst === 0) await turn();
    while (socket.writableLength > highMark) await turn();
  }
  await done;
  socket.destroy();
}

/** Jobs over ws, `perFrame` of them in each. `/packed` is the limit of codec and ws; `/json` what people write first. */
export async function wsFlood(
  port: number,
  path: '/packed' | '/json',
  perFrame: number,
  messages: number,
  done: Promise<unknown>,
): Promise<void> {
  const socket = await websocket(port, path);
  const packr = new Packr({sequential: true});
  for (let sent = 0; sent < messages; sent += perFrame) {
    const jobs = Array.from({length: perFrame}, (_, index) => job(sent + index));
    socket.send(path === '/packed' ? packr.pack(jobs) : JSON.stringify(jobs));
    if (sent % burst === 0) await turn();
    while (socket.bufferedAmount > highMark) await turn();
  }
  await done;
  socket.terminate();
}

/** Frames of 64 KB; counted as pieces of 4 KB. */
export async function wsBytes(port: number, pieces: number, done: Promise<unknown>): Promise<void> {
  const socket = await websocket(port, '/bytes');
  const frame = Buffer.alloc(64 * 1024, 65);
  for (let sent = 0; sent < pieces; sent += 16) {
    socket.send(frame);
    if (sent % 64 === 0) await turn();
    while (socket.bufferedAmount > highMark) await turn();
  }
  await done;
  socket.terminate();
}

/** Round trips: microseconds of each, and how many a second. */
export type RoundTrips = {readonly micros: number[]; readonly perSecond: number};

/** Keeps `inFlight` questions open until `count` are answered. `ask` resolves with its answer. */
export async function roundTrips(
  count: number,
  inFlight: number,
  ask: (number: number) => Promise<unknown>,
): Promise<RoundTrips> {
  const micros: number[] = [];
  let next = 0;
  const startedMs = performance.now();
  const one = async (): Promise<void> => {
    while (next < count) {
      const number = next;
      next += 1;
      const atMs = performance.now();
      await ask(number);
      micros.push((performance.now() - atMs) * 1000);
    }
  };
  await Promise.all(Array.from({length: inFlight}, one));
  return {micros, perSecond: (count / (performance.now() - startedMs)) * 1000};
}

/** A peer that answers in the order of asking. */
type Echo = {readonly ask: (number: number) => Promise<unknown>; readonly close: () => void};

export async function tcpEcho(port: number): Promise<Echo> {
  const socket = await tcp(port);
  const message = Buffer.alloc(messageBytes, 65);
  const waiting: ((value: unknown) => void)[] = [];
  let bytes = 0;
  socket.on('data', chunk => {
    bytes += chunk.length;
    for (; bytes >= messageBytes; bytes -= messageBytes) waiting.shift()?.(undefined);
  });
  return {
    ask: () =>
      new Promise(resolve => {
        waiting.push(resolve);
        socket.write(message);
      }),
    close: () => socket.destroy(),
  };
}

export async function wsEcho(port: number): Promise<Echo> {
  const socket = await websocket(port, '/echo');
  const message = Buffer.alloc(messageBytes, 65);
  const waiting: ((value: unknown) => void)[] = [];
  socket.on('message', () => waiting.shift()?.(undefined));
  return {
    ask: () =>
      new Promise(resolve => {
        waiting.push(resolve);
        socket.send(message);
      }),
    close: () => socket.terminate(),
  };
}

export function httpEcho(port: number): Echo {
  const agent = new Agent({keepAlive: true, maxSockets: 64});
  return {
    ask: number =>
      new Promise((resolve, reject) => {
        const body = JSON.stringify(job(number));
        const headers = {'content-type': 'application/json', 'content-length': Buffer.byteLength(body)};
        const sent = request({port, host: '127.0.0.1', method: 'POST', agent, headers}, response => {
          let text = '';
          response.on('data', chunk => (text += chunk));
          response.on('end', () => resolve(JSON.parse(text)));
        });
        sent.on('error', reject);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}
