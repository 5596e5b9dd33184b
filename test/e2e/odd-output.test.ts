/** Output and code that are large, binary or odd: kept whole, and at little cost to the node. */
import {createHash} from 'node:crypto';
import {createReadStream, existsSync, readdirSync, readFileSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {jobEnds, submitJob, taskOf, untilStatus} from '../support/node-jobs.ts';
import {followJob} from '../support/node-stream.ts';
import {startNode, type NodeProcess} from '../support/node-process.ts';
import {residentBytes} from '../support/process-table.ts';

const megabyte = 1024 * 1024;
/** The most that the node grew while `work` ran. */
async function growthDuring(node: NodeProcess, work: () => Promise<unknown>): Promise<number> {
  const before = residentBytes(node.pid());
  let peak = before;
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      peak = Math.max(peak, residentBytes(node.pid()));
      await sleep(20);
    }
  })();
  await work();
  isOver = true;
  await watch;
  return peak - before;
}

test.serial('a log line of 50 MB is kept whole, in pieces, and costs little memory', async t => {
  const node = await startNode(t);
  await node.login();
  const size = 50_000_000;
  const {taskID: warm} = await submitJob(node, 'echo warm');
  await untilStatus(node, warm, jobEnds);
  let taskID = 0;
  const running = await growthDuring(node, async () => {
    ({taskID} = await submitJob(node, `head -c ${size} /dev/zero | tr '\\0' x; echo; echo after`));
    t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed');
  });
  const following = await growthDuring(node, () => followJob(node, node.cookie(), taskID));
  const reading = await growthDuring(node, async () => {
    for (let from = 1, isMore = true; isMore;) {
      const {data} = await node.api<{fromLine: number}>(`entrance/${taskID}/log?fromLine=${from}&size=1000`);
      isMore = data.fromLine > from;
      from = data.fromLine;
    }
  });
  const growths = [running, following, reading].map(bytes => Math.round(bytes / megabyte));
  t.log(`running, following, reading: ${growths.join(', ')} MB more`);
  t.true(
    growths.every(growth => growth < 150),
    growths.join(', '),
  );
  const {logPath} = await taskOf(node, taskID);
  let found = 0;
  let longest = 0;
  let isAfter = false;
  for await (const line of createInterface({input: createReadStream(logPath)})) {
    if (/^x+$/.test(line)) found += line.length;
    longest = Math.max(longest, line.length);
    isAfter ||= line === 'after';
  }
  t.is(found, size);
  t.true(longest <= 2 * megabyte);
  t.true(isAfter);
});

test.serial('binary output and broken UTF-8 are repaired in the log, and the node goes on', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submitJob(
    node,
    `printf 'ok \\377\\376 \\303 end\\n'; printf '\\000\\001\\033[31m\\n'; head -c 300000 /dev/urandom; echo; echo last`,
  );
  const task = await untilStatus(node, taskID, jobEnds);
  t.is(task.status, 'Succeed', task.errDesc ?? '');
  const log = readFileSync(task.logPath);
  t.notThrows(() => new TextDecoder('utf-8', {fatal: true}).decode(log));
  const text = log.toString();
  t.regex(text, /^ok \ufffd+ \ufffd end$/m);
  t.regex(text, /^last$/m);
  t.true(text.length > 100_000);
  const files = existsSync(task.resultLocation) ? readdirSync(task.resultLocation) : [];
  for (const file of files) {
    const answer = await node.api(`filesystem/openFile?path=${task.resultLocation}/${file}`);
    t.is(answer.status, 0, answer.message);
  }
  const opened = await node.api<{log: string[]}>(`filesystem/openLog?path=${task.logPath}`);
  t.is(
    createHash('sha256')
      .update((opened.data.log[3] ?? '').trimEnd())
      .digest('hex'),
    createHash('sha256').update(text.trimEnd()).digest('hex'),
  );
});

test.serial('code that is odd runs as it was written', async t => {
  const node = await startNode(t);
  await node.login();
  for (const [code, shows] of [
    ['echo "$HOME" > /dev/null; echo \'a  b\' "ü€🦊"', /^a {2}b ü€🦊$/m],
    ['cat <<"END"\n${not} `run`\nEND', /^\$\{not\} `run`$/m],
    [`# ${'x'.repeat(200_000)}\necho long`, /^long$/m],
    ['printf "%s\\n" done >&2', /^done$/m],
  ] as const) {
    const {taskID} = await submitJob(node, code);
    const task = await untilStatus(node, taskID, jobEnds);
    t.is(task.status, 'Succeed', `${code.slice(0, 80)} ${task.errDesc ?? ''}`);
    t.regex(readFileSync(task.logPath, 'utf8').replaceAll(/^# x+$/gm, ''), shows);
  }
  const {taskID} = await submitJob(node, 'exit 7');
  const failed = await untilStatus(node, taskID, jobEnds);
  t.is(failed.status, 'Failed');
  t.regex(failed.errDesc ?? '', /7/);
});
