/** A whole node that keeps things for seconds only: what is removed, what stays, and what readers are told. */
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {run} from '../support/command.ts';
import {submitJob, untilStatus} from '../support/node-jobs.ts';
import {startNode} from '../support/node-process.ts';
import {followJob} from '../support/node-stream.ts';
import {projectRoot} from '../support/source-tree.ts';

/** A busy machine is no failure. */
const readyTimeoutMs = 60_000;

async function until(isSo: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<boolean> {
  for (const startMs = performance.now(); performance.now() - startMs < limitMs; await sleep(100)) {
    if (await isSo()) return true;
  }
  return false;
}

test.serial(
  'old logs and results are removed, readers are told so, and what is unfinished stays',
  async t => {
    const node = await startNode(t, {
      readyTimeoutMs,
      args: ['everyMs=1000', 'logsKeepMs=8000', 'resultsKeepMs=8000'].flatMap(pair => [
        '--set',
        `retention.${pair}`,
      ]),
    });
    await node.login();
    const running = await submitJob(node, 'echo still here; sleep 60');
    const {taskID, execID} = await submitJob(node, 'echo one; echo two');
    const {logPath, resultLocation} = await untilStatus(node, taskID, ['Succeed']);
    const result = join(resultLocation, '_0.dolphin');
    t.true(existsSync(result));
    t.true(await until(() => !existsSync(logPath) && !existsSync(resultLocation)));

    const poll = await node.api<{log: string[]; fromLine: number; gap: object}>(
      `entrance/${execID}/log?fromLine=1`,
    );
    t.regex(
      poll.data.log[3] ?? '',
      /^Lines 1 to \d+ are gone\. The log of this job was removed by retention/,
    );
    t.like(poll.data.gap, {fromLine: 1, toLine: poll.data.fromLine - 1});
    t.true(poll.data.fromLine > 4, 'the lines it had are still counted');

    const whole = await node.api<{log: string[]}>(`filesystem/openLog?path=${logPath}`);
    t.is(whole.status, 0);
    t.regex(whole.data.log[3] ?? '', /^The log of this job was removed by retention: .*\n$/);
    t.deepEqual(whole.data.log.slice(0, 3), ['', '', '']);

    const tree = await node.api<{dirFileTrees: {children: unknown[]}}>(
      `filesystem/getDirFileTrees?path=${resultLocation}`,
    );
    t.deepEqual([tree.status, tree.data.dirFileTrees.children], [0, []]);
    t.regex(tree.message, /results of this job.*removed by retention/);

    const page = await node.api(`filesystem/openFile?path=${result}`);
    t.is(page.status, 1);
    t.regex(page.message, /80110.*There is no file .*_0\.dolphin any more\. .*removed by retention/);

    const {frames} = await followJob(node, node.cookie(), taskID);
    const gap = frames.find(({type}) => type === 'gap');
    t.like(gap, {fromLine: 0, toLine: poll.data.fromLine - 1});
    t.regex(String(gap?.['why']), /removed by retention/);
    t.is(frames.at(-1)?.type, 'end');

    const open = await node.api<{log: string[]}>(`entrance/${running.execID}/log?fromLine=1`);
    t.regex(open.data.log[3] ?? '', /still here/);
    const metrics = await (await fetch(`${node.url()}/metrics`, {headers: {cookie: node.cookie()}})).text();
    t.regex(metrics, /tenon_retention_removed_total\{kind="logs"\} 1\n/);
    t.regex(metrics, /tenon_retention_freed_bytes_total\{kind="results"\} [1-9]\d*\n/);
    t.regex(node.log(), /retention removed what ended jobs had left/);
    await node.api(`entrance/${running.execID}/kill`);
  },
);

test.serial('rows of the history go when that is asked for, the files with them', async t => {
  const node = await startNode(t, {
    readyTimeoutMs,
    args: ['--set', 'retention.everyMs=1000', '--set', 'retention.historyKeepMs=8000'],
  });
  await node.login();
  const {taskID} = await submitJob(node, 'echo one');
  const {logPath} = await untilStatus(node, taskID, ['Succeed']);
  t.true(
    await until(async () => (await node.api<{totalPage: number}>('jobhistory/list')).data.totalPage === 0),
  );
  t.true(await until(() => !existsSync(logPath)));
});

test.serial(
  'the database is backed up while the node runs, and a new password ends open sessions',
  async t => {
    const node = await startNode(t, {readyTimeoutMs});
    await node.login();
    const {taskID} = await submitJob(node, 'echo one');
    await untilStatus(node, taskID, ['Succeed']);
    const {user} = node.credentials();
    const tenon = (...argv: readonly string[]) =>
      run(process.execPath, [join(projectRoot, 'cli/tenon.ts'), ...argv, '--data', node.dataDirectory]);
    const copy = join(node.dataDirectory, 'copy.db');
    const backedUp = await tenon('backup', copy);
    t.is(backedUp.code, 0, backedUp.stderr);
    t.true(existsSync(copy));
    t.is((await node.api('user/userInfo')).status, 0);
    t.is((await tenon('user', 'password', user)).code, 0);
    const isOut = await until(async () => (await node.api('user/userInfo')).message.includes('11002'), 5000);
    t.true(isOut);
  },
);
