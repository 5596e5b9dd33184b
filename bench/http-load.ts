/**
 * A load of one prepared HTTP request over many kept-alive connections, cheap enough to saturate a server from the second
 * core: it writes the same bytes again and finds the end of each answer by its length, and does nothing else.
 */
import {connect, type Socket} from 'node:net';

export type Load = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  /** Judges one answer; a wrong one ends the load with an error. Called for every answer. */
  readonly isExpected: (answer: string) => boolean;
};

export type LoadResult = {
  readonly perSecond: number;
  /** One a request. With a rate, from the moment it was due: a late server pays for what had to wait. */
  readonly latenciesMs: readonly number[];
};

type Connection = {readonly socket: Socket; begunMs: number};

/** As fast as answers come, or `ratePerSecond` evenly spread. Rejects when a connection or an answer is not as expected. */
export function loadFor(load: Load, durationMs: number, ratePerSecond?: number): Promise<LoadResult> {
  const {hostname, port, pathname} = new URL(load.url);
  const head = Object.entries({
    host: `${hostname}:${port}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(load.body)),
    ...load.headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head.join('')}\r\n${load.body}`);

  return new Promise((resolve, reject) => {
    const latenciesMs: number[] = [];
    const idle: Connection[] = [];
    const all: Connection[] = [];
    /** When requests that no connection was free for were due. */
    const waiting: number[] = [];
    let startedMs = 0;
    let sent = 0;
    let pacer: NodeJS.Timeout | undefined;

    const finish = (error?: Error): void => {
      clearInterval(pacer);
      for (const {socket} of all) socket.destroy();
      const tookMs = performance.now() - startedMs;
      if (error === undefined) resolve({perSecond: (latenciesMs.length * 1000) / tookMs, latenciesMs});
      else reject(error);
    };

    const send = (connection: Connection, dueMs: number): void => {
      connection.begunMs = dueMs;
      connection.socket.write(request);
    };

    const answered = (connection: Connection, answer: string): void => {
      if (!load.isExpected(answer))
        return finish(new Error(`Not the expected answer: ${answer.slice(0, 1000)}`));
      const nowMs = performance.now();
      latenciesMs.push(nowMs - connection.begunMs);
      if (nowMs - startedMs >= durationMs) return finish();
      if (ratePerSecond === undefined) return send(connection, nowMs);
      const dueMs = waiting.shift();
      if (dueMs === undefined) idle.push(connection);
      else send(connection, dueMs);
    };

    const pace = (): void => {
      const nowMs = performance.now();
      const due = Math.floor(((nowMs - startedMs) * (ratePerSecond ?? 0)) / 1000);
      for (; sent < due; sent += 1) {
        const dueMs = startedMs + (sent * 1000) / (ratePerSecond ?? 1);
        const connection = idle.pop();
        if (connection === undefined) waiting.push(dueMs);
        else send(connection, dueMs);
      }
    };

    const begin = (): void => {
      startedMs = performance.now();
      if (ratePerSecond === undefined) {
        for (const connection of all) send(connection, startedMs);
        return;
      }
      idle.push(...all);
      pacer = setInterval(pace, 1);
    };

    let connected = 0;
    for (let n = 0; n < load.connections; n += 1) {
      const socket = connect({host: hostname, port: Number(port), noDelay: true});
      const connection: Connection = {socket, begunMs: 0};
      all.push(connection);
      readAnswers(socket, answer => answered(connection, answer));
      socket.once('error', finish);
      socket.once('end', () => finish(new Error('The server closed a connection.')));
      socket.once('connect', () => {
        connected += 1;
        if (connected === load.connections) begin();
      });
    }
  });
}

/** Calls back with each whole answer; one is under way at a time. */
function readAnswers(socket: Socket, onAnswer: (answer: string) => void): void {
  let pending = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    pending += text;
    const bodyAt = pending.indexOf('\r\n\r\n') + 4;
    if (bodyAt < 4) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(pending)?.[1] ?? NaN);
    if (pending.length < bodyAt + length) return;
    const answer = pending;
    pending = '';
    onAnswer(answer);
  });
}
