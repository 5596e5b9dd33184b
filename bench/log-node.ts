/** The node of the log benchmark: real log store, feed, streams and facade over played jobs, and a bare ws server. */
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {pino} from 'pino';
import {WebSocketServer} from 'ws';
import {systemClock} from '../actors/runtime/clock.ts';
import {encodeLog} from '../http/stream/native-frames.ts';
import {attachStreams} from '../http/stream/stream-server.ts';
import {createFilesWorld} from '../test/support/files-world.ts';
import type {PlayedJob} from '../test/support/log-governance.ts';
import type {NodeTask} from './log-task.ts';

const linesPerChunk = 500;
/** Of all followers together. */
const unreadBytesMax = 1_000_000;
const batchBytes = 64 * 1024;

const world = await createFilesWorld();
const streams = attachStreams(world.facade.server, {
  governance: world.governance,
  authenticateUpgrade: world.facade.authenticateUpgrade,
  log: pino({level: 'silent'}),
  clock: systemClock,
  settings: {socketsPerUserMax: 2000},
});
const bareServer = createServer();
const bare = new WebSocketServer({server: bareServer, perMessageDeflate: false});
bareServer.listen(0, '127.0.0.1');
await once(bareServer, 'listening');
const bareUrl = `ws://127.0.0.1:${(bareServer.address() as AddressInfo).port}`;
const streamUrl = world.url.replace('http:', 'ws:');

const chunk = Buffer.from(
  Array.from({length: linesPerChunk}, (_, n) => `2024-05-01 10:20:30.020 INFO line ${n}\n`).join(''),
);
let kind: 'stream' | 'bare' = 'stream';
let job: PlayedJob;
let published = 0;
let rssBefore = 0;
let rssMax = 0;
let sampling: NodeJS.Timeout | undefined;

/** Both publishers wait alike, as a job does that is faster than its readers: until little is on its way to them. */
async function untilTaken(unreadBytes: () => number): Promise<void> {
  while (unreadBytes() > unreadBytesMax) {
    await new Promise(resolve => setImmediate(resolve));
  }
}

async function publish(isLast: boolean): Promise<void> {
  if (kind === 'stream') {
    await job.append(chunk);
    if (isLast) await job.end('Succeed');
    await untilTaken(() => streams.metrics().unreadBytes);
    return;
  }
  const log = {fromLine: published * linesPerChunk, lineCount: linesPerChunk, bytes: chunk};
  const {frames} = encodeLog(1, log, 256 * 1024);
  for (const frame of frames) for (const client of bare.clients) client.send(frame, {binary: false});
  if (isLast) for (const client of bare.clients) client.send('{"type":"end","taskID":1}');
  published++;
  await untilTaken(() => [...bare.clients].reduce((sum, {bufferedAmount}) => sum + bufferedAmount, 0));
}

/** Numbered lines in batches as an engine's socket brings them; the next when the one before is in the log. */
async function write(lines: number): Promise<string> {
  const hash = createHash('sha256');
  for (let line = 0; line < lines;) {
    let text = '';
    for (; line < lines && text.length < batchBytes; line++) text += `line ${line} of output\n`;
    const bytes = Buffer.from(text);
    hash.update(bytes);
    await job.append(bytes);
  }
  await job.end('Succeed');
  return hash.digest('hex');
}

async function answer(task: NodeTask): Promise<unknown> {
  switch (task.type) {
    case 'open':
      kind = task.kind;
      published = 0;
      job = world.addJob();
      return {url: kind === 'stream' ? streamUrl : bareUrl, taskID: job.taskID};
    case 'publish':
      return publish(task.isLast);
    case 'write':
      return {sha256: await write(task.lines)};
    case 'url':
      return {url: streamUrl};
    case 'place':
      return {http: world.url, logPath: world.jobOf(task.taskID).logPath};
    case 'watchMemory':
      rssBefore = rssMax = process.memoryUsage.rss();
      clearInterval(sampling);
      sampling = setInterval(() => {
        rssMax = Math.max(rssMax, process.memoryUsage.rss());
      }, 20);
      return undefined;
    case 'memory':
      clearInterval(sampling);
      return {growthMb: (rssMax - rssBefore) / 2 ** 20};
    case 'close':
      for (const client of bare.clients) client.terminate();
      return undefined;
  }
}

process.on('message', (task: NodeTask) => {
  void answer(task).then(result => process.send?.({answer: result}));
});
process.once('disconnect', () => {
  void world.stop().finally(() => process.exit());
});
