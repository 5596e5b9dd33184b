/**
 * Engines that run as the account of their user: what they are, what they can't reach, and that a node reads and changes
 * nothing through what they leave in its way. Needs root, and a Python that everybody may run; says so and passes elsewhere.
 */
import {execFileSync} from 'node:child_process';
import {
  access,
  chmod,
  chown,
  constants,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {believableRecord} from '../../engines/believable-record.ts';
import {engineDirectory, readEngineRecord, storeEpoch} from '../../engines/engine-directory.ts';
import {readEngineFile} from '../../engines/engine-file.ts';
import {removeEngineFiles} from '../../engines/engine-owner.ts';
import {removeEngineSocket} from '../../engines/engine-socket-path.ts';
import {userIsolation} from '../../engines/isolation.ts';
import {isAlive} from '../../engines/process-identity.ts';
import {publishResultFiles} from '../../engines/result-publisher.ts';
import {engineLab, eventually, followToEnd, runForResults, runTask, type EngineLab} from './engine-lab.ts';
import {launchOf, taskOf} from './launches.ts';

const python = '/usr/bin/python3';
const account = 'nobody';
const other = 'daemon';

const idOf = (name: string): number => Number(execFileSync('id', ['-u', name], {encoding: 'utf8'}));

function isPossible(): boolean {
  try {
    execFileSync(python, ['-c', 'pass'], {uid: idOf(account), gid: 1, stdio: 'ignore'});
    return process.getuid?.() === 0 && idOf(account) > 0 && idOf(other) > 0;
  } catch {
    return false;
  }
}

const possible = isPossible();

function isolated(title: string, implementation: (t: ExecutionContext) => Promise<void>): void {
  test(title, async t => {
    if (possible) {
      await implementation(t);
      return;
    }
    t.log('needs root, the accounts nobody and daemon, and a Python that they may run');
    t.pass();
  });
}

const labOf = (t: ExecutionContext): Promise<EngineLab> =>
  engineLab(t, {pythonPath: python, isolation: {uidMin: 1}});

/** A folder that everybody may pass through. */
async function openFolder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-open-'));
  await chmod(directory, 0o755);
  t.teardown(() => rm(directory, {recursive: true, force: true}));
  return directory;
}

/** A directory of an engine of `account`. */
async function theirs(t: ExecutionContext): Promise<string> {
  const path = join(await openFolder(t), 'e-1');
  await mkdir(join(path, 'jobs', '1-1', 'results'), {recursive: true, mode: 0o700});
  for (const each of ['', 'jobs', 'jobs/1-1', 'jobs/1-1/results'])
    await chown(join(path, each), idOf(account), 1);
  return path;
}

const asAccount = (script: string, ...args: readonly string[]): string =>
  execFileSync('/bin/sh', ['-c', script, 'sh', ...args], {
    uid: idOf(account),
    gid: 1,
    encoding: 'utf8',
    cwd: '/',
  });

isolated('shell and python jobs run as the account of their user, with its groups and home', async t => {
  const lab = await labOf(t);
  const groups = execFileSync('id', ['-G', account], {encoding: 'utf8'});
  const shell = await lab.launch('shell', {user: account});
  const {log} = await runTask(
    shell,
    'id -u; id -ru; id -G; echo $HOME $USER; touch made; stat -c %U:%a made',
  );
  const uid = idOf(account);
  t.is(log, `${uid}\n${uid}\n${groups}/nonexistent nobody\n${account}:644\n`);
  const status = await readFile(`/proc/${shell.pid}/status`, 'latin1');
  t.regex(status, new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, 'm'));
  t.regex(status, /^NoNewPrivs:\s+1$/m);
  const interpreter = await lab.launch('python', {user: other});
  const ran = await runForResults(
    lab,
    interpreter,
    'import os\nprint(os.getuid(), os.environ["USER"])\nshow_df = 1\n7',
  );
  t.is(ran.log.split('\n')[0], `${idOf(other)} ${other}`);
  for (const engine of [shell, interpreter]) {
    await engine.shutdown(0);
    await engine.exited;
  }
  t.deepEqual(
    (await readdir(lab.enginesDirectory)).filter(name => !name.startsWith('.')),
    [],
  );
  t.deepEqual(await readdir(lab.socketDirectory), []);
});

isolated('a job reaches neither files of the node nor another engine, and gains no rights', async t => {
  const lab = await labOf(t);
  await writeFile(join(lab.directory, 'tenon.db'), 'hashes', {mode: 0o600});
  const mine = await lab.launch('shell', {user: account});
  const hers = await lab.launch('shell', {user: other});
  await hers.execute(taskOf('echo secret > work.txt; sleep 300'));
  const place = join(lab.enginesDirectory, hers.engineId);
  const made = join(place, 'work', 'work.txt');
  await eventually('her file', async () => (await stat(made).catch(() => undefined)) && true);
  const {log} = await runTask(
    mine,
    `for f in ${lab.directory}/tenon.db ${place}/secret ${place}/engine.json ${made} ${place}/host.log /proc/${hers.pid}/environ /proc/$PPID/mem; do
       cat "$f" >/dev/null 2>&1 && echo "read $f"; done
     ls ${lab.directory} ${lab.enginesDirectory} ${lab.socketDirectory} ${place} 2>/dev/null
     kill -9 ${hers.pid} 2>/dev/null && echo killed
     (echo x > ${place}/x) 2>/dev/null && echo wrote
     ls $(dirname ${lab.socketDirectory}/*) 2>/dev/null
     echo done`,
  );
  t.is(log, 'done\n');
  await hers.shutdown(0);
});

isolated('an isolated job is killed like any other, whatever it does', async t => {
  const lab = await labOf(t);
  const engine = await lab.launch('shell', {user: account});
  await engine.execute(
    taskOf(
      `trap '' TERM; (env -i setsid /bin/sh -c "sleep 300 & exit" &); echo up; while :; do sleep 0.1; done`,
    ),
  );
  const {end} = await followToEnd(engine, {
    async onEvents(events) {
      if (events.some(event => event.type === 'log')) engine.kill(1, 1, 100, 'killed');
    },
  });
  t.is(end.outcome, 'killed');
  t.deepEqual(end.receipt?.signals, ['SIGTERM', 'SIGKILL']);
  t.deepEqual(await lab.processesOf(engine.engineId), []);
});

isolated('an engine that is a program of its own runs as its user too', async t => {
  const program = fileURLToPath(new URL('../../engines/host/host.py', import.meta.url));
  const lab = await engineLab(t, {
    pythonPath: python,
    isolation: {uidMin: 1},
    programs: {other: [python, '-I', '-S', '-B', program]},
  });
  const engine = await lab.launch('other', {user: account});
  const {log} = await runTask(engine, 'import os\nprint(os.getuid(), os.getgroups())');
  const groups = execFileSync('id', ['-G', account], {encoding: 'utf8'}).trim().split(' ').join(', ');
  t.is(log.split('\n')[0], `${idOf(account)} [${groups}]`);
  await engine.shutdown(0);
  await engine.exited;
  t.deepEqual(await readdir(lab.socketDirectory), []);
});

isolated('an engine of a user is adopted by the next node, with its task', async t => {
  const lab = await labOf(t);
  const engine = await lab.launch('shell', {user: account});
  await engine.execute(taskOf('echo one; sleep 1; echo two'));
  engine.detach();
  const [adopted] = await (await lab.successor({owner: 'next'})).adoptAll();
  t.is(adopted?.pid, engine.pid);
  if (adopted === undefined) return;
  t.is((await followToEnd(adopted)).log, 'one\ntwo\n');
  await adopted.confirm(1, 1);
  await adopted.shutdown(0);
});

isolated('a host that dies leaves its spool to be read, and its directory to be removed', async t => {
  const lab = await labOf(t);
  const engine = await lab.launch('shell', {user: account});
  await engine.execute(taskOf('mkdir closed; chmod 0 closed; echo one; sleep 300'));
  const logs: string[] = [];
  engine.follow(1, 1, 0, async events => {
    for (const event of events) if (event.type === 'log') logs.push(Buffer.from(event.lines).toString());
    process.kill(engine.pid, 'SIGKILL');
  });
  await engine.exited;
  t.deepEqual(logs, ['one\n']);
  t.deepEqual(await lab.processesOf(engine.engineId), []);
  await engine.confirm(1, 1);
  await eventually(
    'the directory is gone',
    async () => !(await readdir(lab.enginesDirectory)).includes(engine.engineId),
  );
});

isolated('a user without an account, and accounts of the system, are refused with 50240', async t => {
  const lab = await labOf(t);
  await t.throwsAsync(lab.driver.launch({...launchOf('shell', 'e-1'), user: 'no-such-user'}, 5000), {
    code: 50240,
    message: /no-such-user has no account on this host/,
  });
  await t.throwsAsync(lab.driver.launch({...launchOf('shell', 'e-2'), user: 'root'}, 5000), {
    code: 50240,
    message: /root belongs to the system/,
  });
  const strict = await lab.successor({isolation: {uidMin: 1000}});
  await t.throwsAsync(strict.launch({...launchOf('shell', 'e-3'), user: other}, 5000), {
    code: 50240,
    message: /its uid is \d+, and engines run from uid 1000 on/,
  });
  t.deepEqual(
    (await readdir(lab.enginesDirectory)).filter(name => !name.startsWith('.')),
    [],
  );
});

isolated('a folder that users cannot reach is named at the start', async t => {
  const closed = join(await openFolder(t), 'closed');
  await mkdir(closed, {mode: 0o700});
  await mkdir(join(closed, 'engines'), {mode: 0o711});
  await t.throwsAsync(
    userIsolation({pythonPath: python, uidMin: 1, needed: [join(closed, 'engines')], clock: systemClock}),
    {code: 50240, message: /they need .*closed\/engines, and .*\/closed is closed to others/},
  );
});

test('a node that may not switch users says what it lacks', async t => {
  if (process.getuid?.() !== 0) {
    await t.throwsAsync(userIsolation({pythonPath: python, uidMin: 1, needed: [], clock: systemClock}), {
      code: 50240,
      message: /lacks .*CAP_SETUID/,
    });
    return;
  }
  const program = `import('${new URL('../../engines/isolation.ts', import.meta.url).href}').then(({userIsolation}) =>
    userIsolation({pythonPath: '${python}', uidMin: 1, needed: []})).catch(error => console.log(error.code, error.message))`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    uid: 65534,
    gid: 65534,
    encoding: 'utf8',
    cwd: '/',
  });
  t.regex(said, /^50240 .*lacks CAP_CHOWN, .*CAP_SETUID/);
});

isolated('a link in place of a file of the engine is not read', async t => {
  const path = await theirs(t);
  const secret = join(await openFolder(t), 'secret');
  await writeFile(secret, 'the database', {mode: 0o600});
  await symlink(secret, join(path, 'engine.json'));
  await t.throwsAsync(readEngineFile(path, join(path, 'engine.json'), 100), {code: 'ELOOP'});
  // A folder on the way leads elsewhere.
  asAccount('cd "$1" && rm -r jobs && ln -s "$2" jobs', path, join(secret, '..'));
  await t.throwsAsync(readEngineFile(path, join(path, 'jobs', 'secret'), 100), {
    message: /not a file of that engine/,
  });
  asAccount('cd "$1" && mkfifo pipe', path);
  await t.throwsAsync(readEngineFile(path, join(path, 'pipe'), 100), {message: /not a file of that engine/});
});

isolated("a result is copied, and somebody else's is not published", async t => {
  const path = await theirs(t);
  const from = join(path, 'jobs/1-1/results');
  const to = join(await openFolder(t), 'published');
  asAccount('printf mine > "$1/_0.dolphin"', from);
  t.is(await publishResultFiles(from, to, path), 1);
  const {uid, mode} = await stat(join(to, '_0.dolphin'));
  t.deepEqual([uid, mode & 0o777], [0, 0o600]);
  const others = join(await openFolder(t), 'others');
  await mkdir(others, {mode: 0o700});
  await writeFile(join(others, '_0.dolphin'), 'hers', {mode: 0o600});
  asAccount('rm -r "$1" && ln -s "$2" "$1"', from, others);
  await t.throwsAsync(publishResultFiles(from, join(to, '..', 'again'), path), {
    message: /not a file of that engine/,
  });
  t.is(await readFile(join(others, '_0.dolphin'), 'utf8'), 'hers');
});

isolated('what is removed or stored in an engine directory is so as its account', async t => {
  const path = await theirs(t);
  const precious = join(await openFolder(t), 'precious');
  await mkdir(precious, {mode: 0o755});
  await writeFile(join(precious, 'file'), 'x');
  asAccount('cd "$1" && rm -r jobs/1-1 && ln -s "$2" jobs/1-1', path, precious);
  await t.throwsAsync(storeEpoch(engineDirectory(path), 1, 1, 7));
  t.deepEqual(await readdir(precious), ['file']);
  await removeEngineFiles(path);
  await t.throwsAsync(access(path, constants.F_OK), {code: 'ENOENT'});
  t.deepEqual(await readdir(precious), ['file']);
});

isolated(
  'a record that names a process of another account, or a file that is no socket, harms neither',
  async t => {
    const lab = await labOf(t);
    const mine = await lab.launch('shell', {user: account});
    const hers = await lab.launch('shell', {user: other});
    const path = join(lab.enginesDirectory, mine.engineId);
    const record = await readEngineRecord(engineDirectory(path));
    const her = await readEngineRecord(engineDirectory(join(lab.enginesDirectory, hers.engineId)));
    if (record === undefined || her === undefined) return t.fail();
    t.deepEqual(await believableRecord(record, path), record);
    t.true(await isAlive(her));
    t.false(await isAlive(await believableRecord({...record, pid: her.pid, startTime: her.startTime}, path)));
    await removeEngineSocket(join(lab.directory, 'engines'), path);
    await removeEngineSocket(her.socketPath, path);
    t.true((await stat(her.socketPath)).isSocket());
    const ours = join(await openFolder(t), 'socket');
    const server = createServer().listen(ours);
    t.teardown(() => void server.close());
    await eventually('it listens', async () => (await stat(ours).catch(() => undefined)) && true);
    await removeEngineSocket(ours, path);
    t.true((await stat(ours)).isSocket());
    await Promise.all([mine.shutdown(0), hers.shutdown(0)]);
  },
);
