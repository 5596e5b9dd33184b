/** The native stream of a real node: no line lost or repeated (G3), across restarts, and as long as the log is kept. */
import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import test from 'ava';
import {WebSocket} from 'ws';
import {jobEnds, submitJob, taskOf, untilStatus} from '../support/node-jobs.ts';
import {startNode, type NodeProcess} from '../support/node-process.ts';
import {followJob} from '../support/node-stream.ts';

const lineCount = 100_000;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const logOf = async (node: NodeProcess, taskID: number): Promise<Buffer> =>
  readFileSync((await taskOf(node, taskID)).logPath);
const numbersIn = (lines: readonly string[]): string[] => lines.filter(line => /^row \d+$/.test(line));
const rows = (from: number, to: number): string[] =>
  Array.from({length: to - from + 1}, (_, n) => `row ${from + n}`);

test.serial(
  'a job followed from its submission shows its statuses in order, each line once, and its end last',
  async t => {
    const node = await startNode(t);
    await node.login();
    const {taskID} = await submitJob(node, 'for i in 1 2 3 4 5 6 7 8 9 10; do echo row $i; sleep 0.1; done');
    const {frames, lines, over, nextLine} = await followJob(node, node.cookie(), taskID);
    t.is(over, 'end');
    t.deepEqual(numbersIn(lines), rows(1, 10));
    const statuses = frames.filter(({type}) => type === 'status').map(({status}) => status);
    const order = ['Inited', 'Scheduled', 'Running', 'Succeed'];
    t.deepEqual(
      statuses,
      order.filter(status => statuses.includes(status)),
    );
    t.like(frames.at(-1), {type: 'end', taskID, status: 'Succeed', lines: nextLine});
    t.is(`${lines.join('\n')}\n`, (await logOf(node, taskID)).toString());
  },
);

test.serial('100,000 lines arrive as they stand in the log file, while the job runs and after', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submitJob(node, `seq -f 'row %.0f' 1 ${lineCount}`);
  const live = await followJob(node, node.cookie(), taskID);
  t.is(live.over, 'end');
  const file = await logOf(node, taskID);
  t.is(live.sha256, sha256(file));
  t.is(numbersIn(file.toString().split('\n')).length, lineCount);
  const late = await followJob(node, node.cookie(), taskID);
  t.is(late.sha256, live.sha256);
  const half = Math.floor(live.nextLine / 2);
  const rest = await followJob(node, node.cookie(), taskID, {fromLine: half});
  t.is(rest.nextLine, live.nextLine);
  t.is(rest.lines[0], file.toString().split('\n')[half]);
});

test.serial(
  'a follower goes on from its next line after the node was killed, and has every line once',
  async t => {
    const node = await startNode(t);
    await node.login();
    const code =
      'i=1; while [ $i -le 3000 ]; do echo row $i; [ $((i % 100)) = 0 ] && sleep 0.15; i=$((i+1)); done';
    const {taskID} = await submitJob(node, code);
    const first = await followJob(node, node.cookie(), taskID, {until: ({nextLine}) => nextLine > 500});
    t.is(first.over, 'until');
    const second = followJob(node, node.cookie(), taskID, {fromLine: first.nextLine});
    await untilStatus(node, taskID, ['Running']);
    await node.kill('SIGKILL');
    const cut = await second;
    t.is(cut.over, 'closed');
    await node.restart();
    // The session outlives the node: nobody has to log in again.
    const last = await followJob(node, node.cookie(), taskID, {fromLine: cut.nextLine});
    t.is(last.over, 'end');
    t.like(last.frames.at(-1), {status: 'Succeed'});
    const all = [...first.lines, ...cut.lines, ...last.lines];
    t.deepEqual(numbersIn(all), rows(1, 3000));
    t.is(`${all.join('\n')}\n`, (await logOf(node, taskID)).toString());
  },
);

test.serial('a job that ended before the node’s last start is followed like any other', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submitJob(node, `seq -f 'row %.0f' 1 1000; exit 3`);
  t.is((await untilStatus(node, taskID, jobEnds)).status, 'Failed');
  t.is(await node.stop(), 0);
  await node.restart();
  const {frames, lines, over, nextLine} = await followJob(node, node.cookie(), taskID);
  t.is(over, 'end');
  t.deepEqual(numbersIn(lines), rows(1, 1000));
  t.like(frames.at(-1), {type: 'end', status: 'Failed', lines: nextLine});
  const beyond = await followJob(node, node.cookie(), taskID, {fromLine: nextLine});
  t.deepEqual([beyond.over, beyond.lines], ['end', []]);
});

test.serial('a log read by REST, by the stream and from its file is one and the same', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID, execID} = await submitJob(node, `printf 'plain\\n\\nünï \\342\\202\\254\\nno end'`);
  const {lines} = await followJob(node, node.cookie(), taskID);
  const file = (await logOf(node, taskID)).toString();
  t.is(`${lines.join('\n')}\n`, file);
  const {data} = await node.api<{log: string[]; fromLine: number}>(
    `entrance/${execID}/log?fromLine=0&size=-1`,
  );
  // Linkis' clients get no blank lines there: they print a line end of their own.
  t.is(
    data.log[3],
    file
      .split('\n')
      .filter(line => line.trim() !== '')
      .join('\n'),
  );
  const path = (await taskOf(node, taskID)).logPath;
  const opened = await node.api<{log: string[]}>(`filesystem/openLog?path=${path}`);
  t.is(opened.data.log[3]?.trimEnd(), file.trimEnd());
  t.regex(file, /plain\n\nünï €\nno end\n/);
});

test.serial('frames that are no request are answered on the socket, which goes on', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submitJob(node, 'echo x');
  await untilStatus(node, taskID, jobEnds);
  const socket = new WebSocket(`${node.url().replace('http', 'ws')}/ws/v1/stream`, {
    headers: {cookie: node.cookie()},
  });
  const seen: {type: string; code?: number}[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as {type: string};
      seen.push(frame);
      if (frame.type === 'end') resolve();
    });
    socket.on('close', code => reject(new Error(`closed with ${code}`)));
  });
  const wrong = [
    'nonsense',
    '[]',
    '{}',
    '{"type":"subscribe"}',
    '{"type":"subscribe","taskID":-1}',
    `{"type":"subscribe","taskID":${taskID},"fromLine":"x"}`,
    '{"type":"subscribe","taskID":1e300}',
    '{"type":"drop tables","taskID":1}',
  ];
  socket.on('open', () => {
    for (const frame of wrong) socket.send(frame);
    socket.send(JSON.stringify({type: 'subscribe', taskID}));
  });
  await ended;
  socket.terminate();
  t.deepEqual(
    seen.slice(0, wrong.length).map(({type, code}) => [type, code]),
    wrong.map(() => ['error', 80_121]),
  );
});

test.serial('a follower that reads nothing costs neither the job nor another follower anything', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submitJob(node, `seq -f 'a rather long row of output, number %.0f' 1 200000`);
  const lazy = new WebSocket(`${node.url().replace('http', 'ws')}/ws/v1/stream`, {
    headers: {cookie: node.cookie()},
  });
  t.teardown(() => lazy.terminate());
  await new Promise<void>((resolve, reject) => {
    lazy.once('error', reject);
    lazy.once('open', () => {
      lazy.send(JSON.stringify({type: 'subscribe', taskID}));
      lazy.pause();
      resolve();
    });
  });
  const {over, sha256: seen} = await followJob(node, node.cookie(), taskID);
  t.is(over, 'end');
  t.is(seen, sha256(await logOf(node, taskID)));
});
