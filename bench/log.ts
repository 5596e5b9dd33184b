/**
 * Logs on their way to readers: one job's log to 1,000 followers against a bare `ws` server that sends them the same
 * bytes, and a million lines to one reader, while they are written and after, by socket and by `openLog`. The node is a
 * process of its own with the real log store, feed, streams and facade; only jobs and engines are played.
 */
import {fork} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import {WebSocket} from 'ws';
import {interleaved, median, row, type BenchOptions, type Row} from './row.ts';
import type {FollowersTask, NodeTask} from './log-task.ts';

const linesPerSecondGoal = 300_000;
const rssGrowthGoalMb = 60;
const followers = 1000;
const headers = {'token-user': 'ann', 'token-code': 'T'};

export async function benchLog({isShort}: BenchOptions): Promise<readonly Row[]> {
  const crowd = await fanOutRow(isShort ? 20 : 60, isShort ? 1 : 3);
  const single = await withChild('log-node.ts', async node =>
    millionLines(node, isShort ? 200_000 : 1_000_000),
  );
  return [crowd, ...single];
}

async function fanOutRow(chunks: number, rounds: number): Promise<Row> {
  const samples = await withChild('log-node.ts', async node =>
    withChild('log-followers.ts', async crowd =>
      interleaved(rounds, {
        ours: async () => fanOut(node, crowd, 'stream', chunks),
        theirs: async () => fanOut(node, crowd, 'bare', chunks),
      }),
    ),
  );
  return row({
    name: `${followers.toLocaleString('en')} followers of one job`,
    ours: median(samples.ours),
    unit: 'MB/s',
    against: 'bare ws, equal bytes',
    theirs: median(samples.theirs),
    atLeast: 0.5,
    note: 'the log is written to its file first',
  });
}

type Child = {
  readonly ask: <Answer>(task: NodeTask | FollowersTask) => Promise<Answer>;
};

async function withChild<T>(file: string, use: (child: Child) => Promise<T>): Promise<T> {
  // The flag that the product starts with: garbage of a young generation of the default size would count as growth.
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {execArgv: ['--max-semi-space-size=2']});
  const answers: ((answer: unknown) => void)[] = [];
  child.on('message', (message: {readonly answer: unknown}) => answers.shift()?.(message.answer));
  try {
    return await use({
      ask: task =>
        new Promise((resolve, reject) => {
          const onExit = (code: number | null): void => reject(new Error(`${file} ended with ${code}`));
          child.once('exit', onExit);
          answers.push(answer => {
            child.off('exit', onExit);
            resolve(answer as never);
          });
          child.send(task);
        }),
    });
  } finally {
    if (child.connected) child.disconnect();
  }
}

/** Megabytes of log frames a second to all followers together. */
async function fanOut(node: Child, crowd: Child, kind: 'stream' | 'bare', chunks: number): Promise<number> {
  const {url, taskID} = await node.ask<{url: string; taskID: number}>({type: 'open', kind});
  await crowd.ask({type: 'connect', url, taskID, followers, headers});
  const startedMs = performance.now();
  const received = crowd.ask<{bytes: number}>({type: 'receive'});
  for (let sent = 0; sent < chunks; sent++) await node.ask({type: 'publish', isLast: sent === chunks - 1});
  const {bytes} = await received;
  const seconds = (performance.now() - startedMs) / 1000;
  await node.ask({type: 'close'});
  return bytes / seconds / 1e6;
}

async function millionLines(node: Child, lines: number): Promise<Row[]> {
  // What is loaded and compiled once is no growth.
  await readWhileWritten(node, 50_000);
  await readWithOpenLog(node, 50_000);
  const live = await readWhileWritten(node, lines);
  const late = await readByStream(node, live.taskID, lines, live.sha256);
  const opened = await readWithOpenLog(node, lines, live);
  const count = lines.toLocaleString('en');
  return [
    rate(`${count} lines to a follower while they are written`, live.perSecond),
    memory(live.growthMb),
    rate(`${count} lines of an ended job to a follower`, late.perSecond),
    memory(late.growthMb),
    rate(`${count} lines by openLog`, opened.perSecond),
    memory(opened.growthMb),
  ];
}

const rate = (name: string, perSecond: number): Row =>
  row({
    name,
    ours: perSecond,
    unit: 'lines/s',
    against: 'goal',
    theirs: linesPerSecondGoal,
    atLeast: 1,
    note: 'SHA-256 equal; file not synced line by line',
  });

const memory = (growthMb: number): Row =>
  row({
    name: 'RSS growth of the node meanwhile',
    ours: growthMb,
    unit: 'MB',
    against: 'goal',
    theirs: rssGrowthGoalMb,
    atMost: 1,
  });

type Reading = {
  readonly taskID: number;
  readonly perSecond: number;
  readonly growthMb: number;
  readonly sha256: string;
};

async function readWhileWritten(node: Child, lines: number): Promise<Reading> {
  const {url, taskID} = await node.ask<{url: string; taskID: number}>({type: 'open', kind: 'stream'});
  await node.ask({type: 'watchMemory'});
  const startedMs = performance.now();
  const reading = follow(url, taskID);
  const writing = node.ask<{sha256: string}>({type: 'write', lines});
  const got = await reading;
  const seconds = (performance.now() - startedMs) / 1000;
  const {sha256} = await writing;
  check('while written', got, lines, sha256);
  return {taskID, perSecond: lines / seconds, growthMb: await growth(node), sha256};
}

async function readByStream(node: Child, taskID: number, lines: number, sha256: string): Promise<Reading> {
  const {url} = await node.ask<{url: string}>({type: 'url'});
  await node.ask({type: 'watchMemory'});
  const startedMs = performance.now();
  const got = await follow(url, taskID);
  const seconds = (performance.now() - startedMs) / 1000;
  check('of an ended job', got, lines, sha256);
  return {taskID, perSecond: lines / seconds, growthMb: await growth(node), sha256};
}

async function readWithOpenLog(node: Child, lines: number, written?: Reading): Promise<Reading> {
  const {taskID, sha256} = written ?? (await readWhileWritten(node, lines));
  const {http, logPath} = await node.ask<{http: string; logPath: string}>({type: 'place', taskID});
  await node.ask({type: 'watchMemory'});
  const startedMs = performance.now();
  const response = await fetch(
    `${http}/api/rest_j/v1/filesystem/openLog?path=${encodeURIComponent(logPath)}`,
    {headers},
  );
  const body = (await response.json()) as {data: {log: string[]}};
  const seconds = (performance.now() - startedMs) / 1000;
  const all = body.data.log[3] ?? '';
  check(
    'by openLog',
    {lines: all.split('\n').length - 1, sha256: createHash('sha256').update(all).digest('hex')},
    lines,
    sha256,
  );
  return {taskID, perSecond: lines / seconds, growthMb: await growth(node), sha256};
}

/** Reads a job to its end as a client does, and hashes its log. */
async function follow(url: string, taskID: number): Promise<{lines: number; sha256: string}> {
  const ws = new WebSocket(`${url}/ws/v1/stream`, {headers});
  const hash = createHash('sha256');
  let next = 0;
  const ended = new Promise<void>((resolve, reject) => {
    ws.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as {type: string; fromLine: number; lines: string[]};
      if (frame.type === 'log') {
        if (frame.fromLine !== next) reject(new Error(`line ${frame.fromLine} came after ${next}`));
        next += frame.lines.length;
        hash.update(`${frame.lines.join('\n')}\n`);
      } else if (frame.type === 'end') {
        resolve();
      }
    });
    ws.once('close', code => reject(new Error(`closed with ${code}`)));
    ws.once('error', reject);
  });
  await once(ws, 'open');
  ws.send(JSON.stringify({type: 'subscribe', taskID, fromLine: 0}));
  await ended;
  ws.removeAllListeners('close');
  ws.terminate();
  return {lines: next, sha256: hash.digest('hex')};
}

function check(what: string, got: {lines: number; sha256: string}, lines: number, sha256: string): void {
  if (got.lines === lines && got.sha256 === sha256) return;
  throw new Error(
    `${what}: ${got.lines} of ${lines} lines, SHA-256 ${got.sha256 === sha256 ? 'equal' : 'different'}`,
  );
}

const growth = async (node: Child): Promise<number> =>
  (await node.ask<{growthMb: number}>({type: 'memory'})).growthMb;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rows = await benchLog({isShort: process.argv.includes('--short')});
  for (const {name, ours, unit, theirs, ratio, goal, ok} of rows) {
    console.log(
      `${ok ? 'ok    ' : 'MISSED'} ${name}: ${ours.toFixed(1)} ${unit} / ${theirs.toFixed(1)} = ${ratio.toFixed(2)} (${goal})`,
    );
  }
  process.exitCode = rows.every(({ok}) => ok) ? 0 : 1;
}
