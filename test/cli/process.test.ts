/** The command as a process of its own: its streams, its signals, its exit code. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';
import test from 'ava';
import {clientEnvironment} from '../support/client-run.ts';
import {run} from '../support/command.ts';
import {startStandIn, type StandIn} from '../support/facade-stand-in.ts';
import {projectRoot} from '../support/source-tree.ts';

const tenon = join(projectRoot, 'cli', 'tenon.ts');

const environmentOf = ({url}: StandIn): NodeJS.ProcessEnv => ({...process.env, ...clientEnvironment(url)});

test('code comes in by a pipe, the log goes out, the exit code is the fate', async t => {
  const standIn = await startStandIn(t);
  standIn.onSubscribe = ({send, taskID}) => {
    Object.assign(standIn.jobs.get(taskID) ?? {}, {status: 'Failed', errDesc: 'exit code 3'});
    send({type: 'log', fromLine: 0, lines: ['one', 'two']}, {type: 'end', status: 'Failed', lines: 2});
  };
  const {code, stdout, stderr} = await run(process.execPath, [tenon, 'submit', '--follow'], {
    environment: environmentOf(standIn),
    input: 'exit 3\n',
  });
  t.is(stdout, 'one\ntwo\n');
  t.is(stderr, 'Job 1 is accepted.\nJob 1: Failed – exit code 3\n');
  t.is(code, 1);
  t.is(standIn.jobs.get(1)?.submission?.code, 'exit 3\n');
});

test('a million lines go through whole', async t => {
  const standIn = await startStandIn(t);
  standIn.jobs.set(7, {taskID: 7, status: 'Succeed', lines: []});
  const batch = 10_000;
  const count = 100 * batch;
  standIn.onSubscribe = ({send}) => {
    for (let fromLine = 0; fromLine < count; fromLine += batch) {
      send({
        type: 'log',
        fromLine,
        lines: Array.from({length: batch}, (_, index) => `line ${fromLine + index}`),
      });
    }
    send({type: 'end', status: 'Succeed', lines: count});
  };
  const {code, stdout} = await run(process.execPath, [tenon, 'log', '7'], {
    environment: environmentOf(standIn),
  });
  t.is(code, 0);
  const lines = stdout.split('\n');
  t.is(lines.length, count + 1);
  t.true(lines.slice(0, -1).every((line, index) => line === `line ${index}`));
});

test('Ctrl-C while following ends the job, then the command', async t => {
  const standIn = await startStandIn(t);
  let finish = (): void => undefined;
  standIn.onSubscribe = ({send}) => {
    finish = () => send({type: 'end', status: 'Cancelled', lines: 1});
    send({type: 'log', fromLine: 0, lines: ['at work']});
  };
  standIn.onKill = job => {
    job.status = 'Cancelled';
    finish();
  };
  const child = spawn(process.execPath, [tenon, 'submit', '--code', 'sleep 100', '--follow'], {
    env: environmentOf(standIn),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  t.deepEqual(await once(child, 'exit'), [130, null]);
  t.is(standIn.jobs.get(1)?.status, 'Cancelled');
});

test('when its reader has seen enough, the command ends without a word', async t => {
  const standIn = await startStandIn(t);
  standIn.jobs.set(7, {taskID: 7, status: 'Running', lines: []});
  standIn.onSubscribe = ({send}) => {
    const lines = Array.from({length: 1000}, () => 'x'.repeat(100));
    for (let fromLine = 0; fromLine < 100_000; fromLine += 1000) send({type: 'log', fromLine, lines});
  };
  const child = spawn(process.execPath, [tenon, 'log', '7', '--follow'], {
    env: environmentOf(standIn),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => {
    stderr += String(text);
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  t.deepEqual(await once(child, 'close'), [141, null]);
  t.is(stderr, '');
});
