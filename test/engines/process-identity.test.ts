/** A pid is not an identity. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm, symlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {
  isAlive,
  readBootId,
  signalProcess,
  startTimeOf,
  type ProcessIdentity,
} from '../../engines/process-identity.ts';
import {eventually} from './engine-lab.ts';

async function sleeper(
  t: ExecutionContext,
  command = 'sleep',
): Promise<{identity: ProcessIdentity; dead: Promise<unknown>}> {
  const child = spawn(command, ['300'], {stdio: 'ignore'});
  t.teardown(() => child.kill('SIGKILL'));
  const dead = once(child, 'exit');
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  return {identity: {pid, startTime: (await startTimeOf(pid)) ?? 0, bootId: await readBootId()}, dead};
}

test('a process is alive as itself, and not after its end', async t => {
  const {identity, dead} = await sleeper(t);
  t.true(await isAlive(identity));
  t.true(await signalProcess(identity, 'SIGKILL'));
  await dead;
  t.false(await isAlive(identity));
  t.false(await signalProcess(identity, 'SIGKILL'));
});

test('the same pid with another start time, or of another boot, is somebody else and gets no signal', async t => {
  const {identity} = await sleeper(t);
  t.false(await isAlive({...identity, startTime: identity.startTime + 1}));
  t.false(await signalProcess({...identity, bootId: 'another boot'}, 'SIGKILL'));
  t.true(await isAlive(identity));
});

test('a program whose name looks like the rest of the line is read correctly', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-name-'));
  t.teardown(() => rm(directory, {recursive: true, force: true}));
  const name = join(directory, 'x) Z 1 (y');
  await symlink('/bin/sleep', name);
  const {identity} = await sleeper(t, name);
  t.true((await readFile(`/proc/${identity.pid}/stat`, 'utf8')).includes('(x) Z 1 (y)'));
  t.true(await isAlive(identity));
});

test('the unreaped remains of a process are not alive', async t => {
  const program =
    'import os, time\npid = os.fork()\nif pid == 0: os._exit(0)\nprint(pid, flush=True)\ntime.sleep(300)';
  const parent = spawn('python3', ['-c', program], {stdio: ['ignore', 'pipe', 'ignore']});
  t.teardown(() => parent.kill('SIGKILL'));
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  await eventually('the child is a zombie', async () => {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
    return stat.includes(') Z ') || undefined;
  });
  t.is(await startTimeOf(pid), undefined);
});
