/**
 * From sending a submission to hearing over the stream that its job runs, with an engine that is warm: durable, over HTTP and
 * WebSocket, one at a time, as somebody at a notebook works.
 */
import {once} from 'node:events';
import {WebSocket} from 'ws';
import {startNode} from '../test/support/node-process.ts';
import {percentile, row, type BenchOptions, type Row} from './row.ts';

const limits = {p50Ms: 10, p99Ms: 50};

export async function benchWarm({isShort}: BenchOptions): Promise<Row[]> {
  const cleanUps: (() => Promise<void>)[] = [];
  try {
    const node = await startNode({teardown: cleanUp => cleanUps.push(cleanUp)}, {program: 'built'});
    await node.login();
    const {user} = node.credentials();
    const body = {
      executionContent: {code: 'echo "a line"', runType: 'shell'},
      labels: {engineType: 'shell-1', userCreator: `${user}-bench`},
      params: {},
    };
    const socket = new WebSocket(`${node.url().replace('http', 'ws')}/ws/v1/stream`, {
      headers: {cookie: node.cookie()},
    });
    cleanUps.push(async () => socket.terminate());
    await once(socket, 'open');

    /** Milliseconds until it runs; resolves when it has ended. */
    const runOne = async (): Promise<number> => {
      const startedMs = performance.now();
      const {data} = await node.api<{taskID: number}>('entrance/submit', {body});
      return new Promise((resolve, reject) => {
        let tookMs: number | undefined;
        const hear = (text: Buffer): void => {
          const frame = JSON.parse(text.toString()) as {type: string; taskID: number; status?: string};
          if (frame.taskID !== data.taskID) return;
          if (frame.status === 'Running') tookMs ??= performance.now() - startedMs;
          if (frame.type === 'error') reject(new Error(text.toString()));
          if (frame.type !== 'end') return;
          socket.off('message', hear);
          // One that has run before it was asked for was at it no later than now.
          resolve(tookMs ?? performance.now() - startedMs);
        };
        socket.on('message', hear);
        socket.send(JSON.stringify({type: 'subscribe', taskID: data.taskID, fromLine: 0}));
      });
    };

    const tookMs: number[] = [];
    const warmUp = 50;
    const count = isShort ? 200 : 2000;
    for (let n = 0; n < warmUp + count; n += 1) {
      // oxlint-disable-next-line no-await-in-loop
      const took = await runOne();
      if (n >= warmUp) tookMs.push(took);
    }
    const shared = {
      unit: 'ms',
      against: 'limit',
      atMost: 1,
      note: 'shell, durable, over HTTP and the stream',
    };
    return [
      row({
        ...shared,
        name: 'submission to Running on a warm engine, p50',
        ours: percentile(tookMs, 0.5),
        theirs: limits.p50Ms,
      }),
      row({
        ...shared,
        name: 'submission to Running on a warm engine, p99',
        ours: percentile(tookMs, 0.99),
        theirs: limits.p99Ms,
      }),
    ];
  } finally {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  }
}
