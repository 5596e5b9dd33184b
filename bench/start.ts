/**
 * From the start of the process to a listening facade, to a finished first job, and what the idle node keeps in memory: the
 * built program, as a user starts it. `test/e2e/start.test.ts` holds the same limits in CI.
 */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {startNode, type NodeProcess} from '../test/support/node-process.ts';
import {residentBytes} from '../test/support/process-table.ts';
import {median, row, type BenchOptions, type Row} from './row.ts';

export const startLimits = {
  listeningMs: 1000,
  /** With an empty data directory and an empty compile cache: migrations and keys are made. */
  firstListeningMs: 2500,
  idleBytes: 130e6,
  firstJobMs: 1500,
} as const;

export type StartFigures = {
  readonly listeningMs: number;
  readonly idleBytes: number;
  /** From the start of the process to the terminal status of `echo hello`, login included. */
  readonly firstJobMs: number;
};

/** Starts a node on `dataDirectory`, runs one job, and ends it. */
export async function measureStart(
  dataDirectory: string,
  cacheDirectory: string,
  idleAfterMs: number,
): Promise<StartFigures> {
  const cleanUps: (() => Promise<void>)[] = [];
  const node = await startNode(
    {teardown: cleanUp => cleanUps.push(cleanUp)},
    {program: 'built', dataDirectory, environment: {XDG_CACHE_HOME: cacheDirectory}},
  );
  try {
    const listeningMs = node.readyAfterMs();
    const sinceReadyMs = performance.now();
    await firstJob(node);
    const firstJobMs = listeningMs + (performance.now() - sinceReadyMs);
    await node.stop();
    await node.restart();
    // The figure is of a node that has nothing to do, after what it does once it listens.
    await delay(idleAfterMs);
    return {listeningMs, firstJobMs, idleBytes: residentBytes(node.pid())};
  } finally {
    for (const cleanUp of cleanUps) await cleanUp();
  }
}

async function firstJob(node: NodeProcess): Promise<void> {
  await node.login();
  const {data, message} = await node.api<{execID: string}>('entrance/submit', {
    body: {
      executionContent: {code: 'echo hello', runType: 'shell'},
      labels: {engineType: 'shell-1', userCreator: `${node.credentials().user}-IDE`},
      params: {},
    },
  });
  for (;;) {
    const answer = await node.api<{status: string}>(`entrance/${data.execID}/status`);
    if (answer.data.status === 'Succeed') return;
    if (answer.status !== 0 || ['Failed', 'Cancelled', 'Timeout'].includes(answer.data.status)) {
      throw new Error(`The first job ended as ${answer.data.status}: ${message} ${answer.message}`);
    }
    await delay(5);
  }
}

export async function benchStart({isShort}: BenchOptions): Promise<Row[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'tenon-bench-'));
  try {
    const places = [join(scratch, 'data'), join(scratch, 'cache')] as const;
    const first = await measureStart(...places, 2000);
    const later: StartFigures[] = [];
    for (let round = 0; round < (isShort ? 2 : 5); round += 1)
      later.push(await measureStart(...places, 2000));
    const figures = {
      listeningMs: median(later.map(({listeningMs}) => listeningMs)),
      firstJobMs: median(later.map(({firstJobMs}) => firstJobMs)),
      idleBytes: median(later.map(({idleBytes}) => idleBytes)),
    };
    const limit = {against: 'limit', atMost: 1};
    return [
      row({
        name: 'first start, listening',
        ours: first.listeningMs,
        unit: 'ms',
        theirs: startLimits.firstListeningMs,
        ...limit,
      }),
      row({
        name: 'later start, listening',
        ours: figures.listeningMs,
        unit: 'ms',
        theirs: startLimits.listeningMs,
        ...limit,
      }),
      row({
        name: 'start to end of the first shell job',
        ours: figures.firstJobMs,
        unit: 'ms',
        theirs: startLimits.firstJobMs,
        ...limit,
      }),
      row({
        name: 'idle memory',
        ours: figures.idleBytes / 1e6,
        unit: 'MB',
        theirs: startLimits.idleBytes / 1e6,
        ...limit,
      }),
    ];
  } finally {
    await rm(scratch, {recursive: true, force: true});
  }
}
