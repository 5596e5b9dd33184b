/** What a driver refuses, and how a failed launch reads. */
import {chmod, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {createEngineDriver, type EngineDriverOptions} from '../../engines/process-driver.ts';
import {engineLab} from './engine-lab.ts';
import {environment, launchOf} from './launches.ts';

const silent = (): void => undefined;

async function optionsFor(t: ExecutionContext): Promise<EngineDriverOptions> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-driver-'));
  t.teardown(() => rm(directory, {recursive: true, force: true}));
  return {
    enginesDirectory: join(directory, 'engines'),
    socketDirectory: join(directory, 's'),
    clock: systemClock,
    log: {debug: silent, info: silent, warn: silent, error: silent},
    environment,
  };
}

async function executable(t: ExecutionContext, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-program-'));
  t.teardown(() => rm(directory, {recursive: true, force: true}));
  const path = join(directory, 'program');
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

test('without a Python, the driver says what is missing and how to name one', async t => {
  const options = await optionsFor(t);
  await t.throwsAsync(createEngineDriver({...options, pythonPath: '/no/such/python'}), {
    name: 'EngineSetupError',
    message: /Python 3\.8 or newer, and \/no\/such\/python could not be run.*python option/,
  });
});

test('a Python that is too old is refused with its version', async t => {
  const old = await executable(t, '#!/bin/sh\necho /usr/bin/python\necho 2.7\n');
  await t.throwsAsync(createEngineDriver({...(await optionsFor(t)), pythonPath: old}), {message: /is 2\.7/});
});

test('a folder that cannot be made is refused by name', async t => {
  const options = await optionsFor(t);
  await t.throwsAsync(createEngineDriver({...options, enginesDirectory: '/proc/engines'}), {
    name: 'EngineSetupError',
    message: /\/proc\/engines/,
  });
});

test('a socket folder whose path is too long is refused with the numbers when an engine is launched', async t => {
  const options = await optionsFor(t);
  const driver = await createEngineDriver({
    ...options,
    socketDirectory: join(options.socketDirectory, 'x'.repeat(90)),
  });
  await t.throwsAsync(driver.launch(launchOf('shell', 'e1'), 10_000), {
    message: /has 1\d\d bytes; at most 107 work/,
  });
});

test('a long engine id still gets a socket path that fits', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell', {engineId: 'e'.repeat(64)});
  const [name = ''] = await readdir(lab.socketDirectory);
  t.true(Buffer.byteLength(join(lab.socketDirectory, name)) <= 107);
  await engine.shutdown(0);
});

for (const engineId of ['', '../x', 'a/b', '.hidden', 'a b', 'x'.repeat(65)]) {
  test(`the engine id ${JSON.stringify(engineId)} is refused`, async t => {
    const lab = await engineLab(t);
    await t.throwsAsync(lab.driver.launch(launchOf('shell', engineId), 1000), {
      name: 'EngineLaunchError',
      message: /letters, digits/,
    });
  });
}

test('an engine type nobody knows is refused with those that are known', async t => {
  const lab = await engineLab(t);
  await t.throwsAsync(lab.driver.launch(launchOf('spark', 'e1'), 1000), {
    message: /no engine type spark, only shell, python/,
  });
});

test('an engine id that is in use is refused, and the engine that has it is not touched', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell', {engineId: 'twice'});
  await t.throwsAsync(lab.driver.launch(launchOf('shell', 'twice'), 1000), {name: 'EngineLaunchError'});
  await engine.shutdown(0);
});

test('a program that fails at its start is quoted, and leaves nothing', async t => {
  const program = await executable(t, '#!/bin/sh\necho the license has expired >&2\nexit 3\n');
  const lab = await engineLab(t, {programs: {broken: [program]}});
  await t.throwsAsync(lab.driver.launch(launchOf('broken', 'e1'), 10_000), {
    name: 'EngineLaunchError',
    code: 11102,
    message: /did not start: it exited with code 3\. Its launch log ends with: the license has expired/,
  });
  t.deepEqual(await readdir(lab.enginesDirectory), []);
});

test('a program that is not there is a failed launch', async t => {
  const lab = await engineLab(t, {programs: {gone: ['/no/such/program']}});
  await t.throwsAsync(lab.driver.launch(launchOf('gone', 'e1'), 10_000), {
    message: /could not be run.*ENOENT/,
  });
});

test('a program that says nothing is given up after the time-out, and ended', async t => {
  const program = await executable(t, '#!/bin/sh\nexec sleep 300\n');
  const lab = await engineLab(t, {programs: {silent: [program]}});
  const started = performance.now();
  await t.throwsAsync(lab.driver.launch(launchOf('silent', 'e1'), 200), {message: /said nothing in 200 ms/});
  t.true(performance.now() - started < 10_000);
});

test('engines are launched side by side', async t => {
  const lab = await engineLab(t);
  const engines = await Promise.all(['shell', 'python', 'shell', 'python'].map(type => lab.launch(type)));
  t.is(new Set(engines.map(({pid}) => pid)).size, 4);
  await Promise.all(engines.map(engine => engine.shutdown(100)));
  t.deepEqual(await readdir(lab.socketDirectory), []);
});
