/** What goes wrong around a node: its directory, its files, its port, its disk, and its own death at any moment. */
import {execFileSync} from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {run, type CommandResult} from '../support/command.ts';
import {addPerson, type Person} from '../support/node-person.ts';
import {jobEnds, submitJob, taskOf, untilStatus} from '../support/node-jobs.ts';
import {startNode} from '../support/node-process.ts';
import {processesUsing} from '../support/process-table.ts';
import {projectRoot} from '../support/source-tree.ts';

/** A start that is expected to be refused; 15 s are far more than it may take. */
const refusedStart = (...args: string[]): Promise<CommandResult> =>
  run(process.execPath, [join(projectRoot, 'cli/tenon.ts'), 'start', '--listen', '127.0.0.1:0', ...args], {
    timeoutMs: 15_000,
  });

function scratchOf(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tenon-test-'));
  t.teardown(() => rmSync(path, {recursive: true, force: true}));
  return path;
}

/** A file system of its own, where this may be done; undefined otherwise. */
function mountedDisk(t: ExecutionContext, options: string): string | undefined {
  const path = scratchOf(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], {stdio: 'pipe'});
  } catch {
    return undefined;
  }
  t.teardown(() => void execFileSync('umount', ['-l', path]));
  return path;
}

/** It ended by itself, said why in a few lines for people, and printed no stack. */
function isRefusal(t: ExecutionContext, {code, stdout, stderr}: CommandResult, says: RegExp): void {
  t.true(code !== null && code !== 0, `code ${code}: ${stderr}`);
  t.regex(stderr, says);
  t.notRegex(stderr, /\n\s+at .*\.ts:\d+/);
  t.is(stdout, '');
}

test.serial(
  'a data directory that is a file, lies below one, or can’t be written is refused in one sentence',
  async t => {
    const scratch = scratchOf(t);
    const file = join(scratch, 'file');
    writeFileSync(file, 'precious');
    isRefusal(t, await refusedStart('--data', file), /data directory .*file is a file/);
    isRefusal(
      t,
      await refusedStart('--data', join(file, 'below')),
      /data directory .* file where a directory is needed/,
    );
    isRefusal(
      t,
      await refusedStart('--data', `/${'x'.repeat(300)}`),
      /data directory .* too long a name|data directory/,
    );
    t.is(readFileSync(file, 'utf8'), 'precious');
    const disk = mountedDisk(t, 'ro,size=1m');
    if (disk === undefined) t.log('no read-only file system can be mounted here');
    else isRefusal(t, await refusedStart('--data', join(disk, 'data')), /read-only file system/);
  },
);

test.serial('a data directory of another node is refused, and that node goes on', async t => {
  const node = await startNode(t);
  isRefusal(t, await refusedStart('--data', node.dataDirectory), /in use by another node.*--data/);
  await node.login();
  const {taskID} = await submitJob(node, 'echo on');
  t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed');
});

test.serial('a port in use is said in one sentence', async t => {
  const server = createServer();
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  isRefusal(
    t,
    await refusedStart('--data', join(scratchOf(t), 'data'), '--listen', `127.0.0.1:${port}`),
    /EADDRINUSE|in use/,
  );
});

test.serial('every mistake of a configuration is named at once, with its place', async t => {
  const scratch = scratchOf(t);
  const file = join(scratch, 'tenon.yaml');
  writeFileSync(
    file,
    'listen: nowhere\nhttp:\n  bodyBytesMax: huge\n  unheardOf: 1\ngovernance:\n  timeZone: Moon/Base\nroles: gateway,entrance,ecm,king\n',
  );
  const refused = (...args: string[]) => refusedStart('--data', join(scratch, 'data'), ...args);
  const result = await refused('--config', file, '--listen', 'x', '--set', 'http.nothing=1');
  isRefusal(t, result, /The configuration has 6 mistakes/);
  for (const part of [
    'listen must be HOST:PORT',
    'bodyBytesMax must be a whole number',
    'http.unheardOf',
    'Moon/Base',
    'king',
    'http.nothing',
  ]) {
    t.true(result.stderr.includes(part), part);
  }
  writeFileSync(file, 'listen: [unclosed\n\t"');
  isRefusal(t, await refused('--config', file), /tenon\.yaml is not YAML/);
  for (const text of [Buffer.from([0xff, 0xfe, 0x00, 0x01]), 'listen 127.0.0.1:1', '- a\n- b']) {
    writeFileSync(file, text);
    isRefusal(t, await refused('--config', file), /tenon\.yaml must hold settings/);
  }
  isRefusal(t, await refused('--config', join(scratch, 'none.yaml')), /none\.yaml can't be read/);
  isRefusal(t, await refused('--frobnicate'), /--frobnicate/);
  isRefusal(t, await refused('sideways'), /sideways/);
  t.false(existsSync(join(scratch, 'data')));
});

test.serial(
  'a damaged outbox is kept aside and named; credentials that are damaged lock nobody out',
  async t => {
    const node = await startNode(t);
    const {user, password} = node.credentials();
    await node.login();
    const {taskID} = await submitJob(node, 'echo before');
    await untilStatus(node, taskID, jobEnds);
    t.is(await node.stop(), 0);
    const outbox = join(node.dataDirectory, 'outbox', 'outbox.jsonl');
    writeFileSync(outbox, '00000000 {"id":1}\nnonsense\n\u0000\u0001\u0002\nhalf a rec');
    writeFileSync(join(node.dataDirectory, 'credentials'), Buffer.from([0, 1, 2, 255]));
    await node.restart();
    t.regex(node.log(), /damaged records in the outbox were kept aside/);
    t.regex(readFileSync(`${outbox}.damaged`, 'utf8'), /nonsense/);
    t.is((await node.login(user, password)).status, 0);
    t.is((await taskOf(node, taskID)).status, 'Succeed');
    const answer = await node.api<{taskID: number}>('entrance/submit', {
      body: {
        executionContent: {code: 'echo after', runType: 'shell'},
        labels: {engineType: 'shell-1', userCreator: `${user}-IDE`},
      },
    });
    t.is((await untilStatus(node, answer.data.taskID, jobEnds)).status, 'Succeed');
  },
);

test.serial('a database file that is none is refused, and left as it is', async t => {
  const data = join(scratchOf(t), 'data');
  mkdirSync(data);
  const text = 'this was never a database\n'.repeat(500);
  writeFileSync(join(data, 'tenon.db'), text);
  isRefusal(t, await refusedStart('--data', data), /tenon\.db|not a database/);
  t.is(readFileSync(join(data, 'tenon.db'), 'utf8'), text);
});

test.serial(
  'on a full disk submissions are refused or jobs fail with the reason, and once there is room the next job runs',
  async t => {
    const disk = mountedDisk(t, 'size=96m');
    if (disk === undefined) {
      t.pass('no file system can be mounted here');
      return;
    }
    // A disk this small is always near its end: the threshold would keep engines from starting.
    const node = await startNode(t, {
      dataDirectory: join(disk, 'data'),
      args: ['--set', 'ecm.diskFreeBytesMin=0'],
    });
    await node.login();
    const {taskID: before} = await submitJob(node, 'echo before');
    t.is((await untilStatus(node, before, jobEnds)).status, 'Succeed');
    const {taskID: running} = await submitJob(node, 'sleep 3; seq 1 200000; echo through');
    await untilStatus(node, running, ['Running']);

    const ballast = join(disk, 'ballast');
    fill(ballast);
    const seen: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      const answer = await submitJob(node, `echo ${'y'.repeat(1000)}; seq 1 50000`).catch(
        (error: unknown) => error,
      );
      if (answer instanceof Error) {
        t.regex(answer.message, /\d{5}/);
        seen.push('refused');
      } else {
        const {taskID} = answer as {taskID: number};
        const task = await untilStatus(node, taskID, jobEnds, 20_000).catch(() => undefined);
        if (task?.status === 'Failed') t.regex(task.errDesc ?? '', /space|disk|full|ENOSPC/i);
        seen.push(task?.status ?? 'waits');
      }
    }
    t.log(seen.join(', '));
    t.true(seen.some(what => what !== 'Succeed'));

    rmSync(ballast);
    const ended = await untilStatus(node, running, jobEnds, 30_000);
    t.log(`the running job: ${ended.status} ${ended.errDesc ?? ''}`);
    if (ended.status === 'Failed') t.regex(ended.errDesc ?? '', /space|disk|full|ENOSPC|stor/i);
    else t.is(ended.status, 'Succeed');
    const deadline = performance.now() + 30_000;
    for (;;) {
      const answer = await submitJob(node, 'echo room again').catch((error: unknown) => error);
      if (!(answer instanceof Error)) {
        const {taskID} = answer as {taskID: number};
        const task = await untilStatus(node, taskID, jobEnds);
        t.is(task.status, 'Succeed', task.errDesc ?? '');
        break;
      }
      if (performance.now() > deadline) {
        t.fail(`still refused: ${answer.message}`);
        break;
      }
      await sleep(250);
    }
  },
);

/** Writes until nothing fits any more, to the last byte. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let size = 1024 * 1024; size >= 1;) {
      try {
        if (writeSync(file, Buffer.alloc(size)) < size) size = Math.floor(size / 2);
      } catch {
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}

const rounds = Number(process.env['TENON_TEST_KILL_ROUNDS'] ?? 8);

test.serial(
  'whatever moment the node is killed at, each accepted job is in history, ran once, and has its whole log',
  async t => {
    const node = await startNode(t, {args: ['--set', 'governance.enginesMax=4']});
    await node.login();
    const witness = join(node.dataDirectory, 'witness');
    mkdirSync(witness);
    const people: Person[] = [];
    for (const name of ['ann', 'ben', 'cat', 'dan']) people.push(await addPerson(node, name));
    const accepted = new Map<number, string>();
    let isOver = false;
    let number = 0;

    const client = async (person: Person): Promise<void> => {
      while (!isOver) {
        number += 1;
        const name = `${person.name}-${number}`;
        const code = `echo begun >> ${join(witness, name)}; for i in 1 2 3 4 5 6 7 8; do echo ${name} line $i; sleep 0.0$((i % 4)); done; echo ended >> ${join(witness, name)}`;
        try {
          const answer = await person.submit(code);
          if (answer.status === 0) accepted.set(answer.data.taskID, name);
          // The queue must not grow beyond what the test can wait for.
          await sleep(150 + Math.random() * 200);
        } catch {
          // The node is dead: nothing was accepted.
          await sleep(50);
        }
      }
    };
    const clients = people.map(client);
    for (let round = 0; round < rounds; round += 1) {
      await sleep(Math.random() * 1400);
      await node.kill('SIGKILL');
      await node.restart();
    }
    await sleep(500);
    isOver = true;
    await Promise.all(clients);
    await node.login();
    t.true(accepted.size >= rounds, `${accepted.size} jobs`);
    for (const [taskID, name] of accepted) {
      const task = await untilStatus(node, taskID, jobEnds, 90_000);
      t.is(task.status, 'Succeed', `${taskID} ${name}: ${task.errDesc ?? ''}`);
      t.is(readFileSync(join(witness, name), 'utf8'), 'begun\nended\n', `${taskID} ${name}`);
      const lines = readFileSync(task.logPath, 'utf8')
        .split('\n')
        .filter(line => line.startsWith(`${name} line `));
      t.deepEqual(
        lines,
        Array.from({length: 8}, (_, n) => `${name} line ${n + 1}`),
        `${taskID} ${name}`,
      );
    }
    t.log(`${accepted.size} jobs over ${rounds} kills`);
    // Jobs whose answer was lost on its way are there too: they end like the others, and nothing ever ran twice.
    const {data} = await node.api<{tasks: {taskID: number}[]; totalPage: number}>(
      'jobhistory/list?isAdminView=true&pageSize=1000',
    );
    t.is(data.tasks.length, data.totalPage);
    const known = new Set(data.tasks.map(({taskID}) => taskID));
    t.deepEqual(
      [...accepted.keys()].filter(taskID => !known.has(taskID)),
      [],
    );
    for (const taskID of known)
      t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed', `${taskID}`);
    t.is(readdirSync(witness).length, known.size);
    for (const name of readdirSync(witness))
      t.is(readFileSync(join(witness, name), 'utf8'), 'begun\nended\n', name);
    // Only the idle engines of the living node are left: they end with it, which the fixture checks.
    const jobsOfScripts = processesUsing(witness);
    t.deepEqual(jobsOfScripts, []);
    t.is(await node.stop(), 0);
  },
);
