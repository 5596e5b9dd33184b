/** What an engine's socket refuses, and what an owner survives. Connections are made by hand, frame by frame. */
import {randomBytes} from 'node:crypto';
import {chmod, readdir, readFile, stat} from 'node:fs/promises';
import {createConnection, createServer, type Socket} from 'node:net';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import type {EngineHandle} from '../../actors/ports.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {engineDirectory, readEngineRecord, readSecret} from '../../engines/engine-directory.ts';
import {
  createFrameDecoder,
  decodeJson,
  encodeAck,
  encodeFrame,
  encodeJson,
  frameType,
  type Frame,
} from '../../engines/engine-frame.ts';
import {beginHandshake, continueHandshake} from '../../engines/engine-handshake.ts';
import {openEngineHandle} from '../../engines/engine-handle.ts';
import {attachEngine, type EngineLink} from '../../engines/engine-link.ts';
import {engineLab, eventually, followToEnd, runTask, type EngineLab} from './engine-lab.ts';
import {taskOf} from './launches.ts';

type Wire = {
  readonly send: (bytes: Buffer) => void;
  /** The next frame; undefined when the engine has closed. */
  readonly next: () => Promise<Frame | undefined>;
  readonly end: () => void;
};

async function wireTo(socketPath: string): Promise<Wire> {
  const socket: Socket = createConnection(socketPath);
  const decoder = createFrameDecoder(1e7);
  const frames: (Frame | undefined)[] = [];
  const waiting: ((frame: Frame | undefined) => void)[] = [];
  const give = (frame: Frame | undefined): void => {
    const taker = waiting.shift();
    if (taker === undefined) frames.push(frame);
    else taker(frame);
  };
  socket.on('data', (chunk: Buffer) => decoder.push(chunk).forEach(give));
  socket.on('end', () => give(undefined));
  socket.on('error', () => give(undefined));
  await new Promise(resolve => socket.once('connect', resolve));
  return {
    send: bytes => void socket.write(bytes),
    next: () =>
      frames.length > 0 ? Promise.resolve(frames.shift()) : new Promise(resolve => waiting.push(resolve)),
    end: () => socket.destroy(),
  };
}

const directoryOf = (lab: EngineLab, engine: EngineHandle) =>
  engineDirectory(join(lab.enginesDirectory, engine.engineId));

async function socketOf(lab: EngineLab, engine: EngineHandle): Promise<string> {
  return (await readEngineRecord(directoryOf(lab, engine)))?.socketPath ?? '';
}

async function attachAs(
  lab: EngineLab,
  engine: EngineHandle,
  epoch: number,
  owner = 'other',
): Promise<EngineLink> {
  return attachEngine({
    engineId: engine.engineId,
    socketPath: await socketOf(lab, engine),
    secret: await readSecret(directoryOf(lab, engine)),
    claim: {owner, epoch},
    attachTimeoutMs: 10_000,
    requestTimeoutMs: 10_000,
    clock: systemClock,
    onData: () => undefined,
  });
}

const refusal = (frame: Frame | undefined): unknown =>
  frame?.type === frameType.refused ? decodeJson(frame.payload)['code'] : `frame ${String(frame?.type)}`;

test('a wrong secret is refused, the engine serves its owner on', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const attempt = attachEngine({
    engineId: engine.engineId,
    socketPath: await socketOf(lab, engine),
    secret: randomBytes(32),
    claim: {owner: 'thief', epoch: 99},
    attachTimeoutMs: 10_000,
    requestTimeoutMs: 10_000,
    clock: systemClock,
    onData: () => undefined,
  });
  await t.throwsAsync(attempt, {name: 'EngineRefusedError', message: /wrongSecret/});
  t.is((await runTask(engine, 'echo mine')).log, 'mine\n');
});

test('a recorded handshake does not open the engine again', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const path = await socketOf(lab, engine);
  const {handshake, hello} = beginHandshake(await readSecret(directoryOf(lab, engine)), randomBytes(32), {
    owner: 'a',
    epoch: 0,
  });
  const first = await wireTo(path);
  first.send(hello);
  const challenge = await first.next();
  t.is(challenge?.type, frameType.challenge);
  const {reply} = continueHandshake(handshake, challenge ?? {type: 0, payload: Buffer.alloc(0)});
  first.end();
  const second = await wireTo(path);
  second.send(hello);
  t.not((await second.next())?.payload.toString('hex'), challenge?.payload.toString('hex'));
  second.send(reply ?? Buffer.alloc(0));
  t.is(refusal(await second.next()), 'wrongSecret');
});

for (const [what, bytes, code] of [
  [
    'a request before the handshake',
    encodeJson(frameType.request, {id: 1, type: 'shutdown', graceMs: 0}),
    'outOfOrder',
  ],
  ['an acknowledgement before the handshake', encodeAck(1, 1, 1), 'outOfOrder'],
  ['a proof without a hello', encodeFrame(frameType.prove, Buffer.alloc(40)), 'outOfOrder'],
  ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'frameTooLong'],
  ['a hello of something else', encodeFrame(frameType.hello, Buffer.alloc(40)), 'notThisProtocol'],
  [
    'a version nobody speaks',
    encodeFrame(
      frameType.hello,
      Buffer.concat([
        Buffer.from('TNEP00070009', 'latin1').subarray(0, 4),
        Buffer.from('00070009', 'hex'),
        Buffer.alloc(32),
      ]),
    ),
    'version',
  ],
  ['a frame of 2 GB', Buffer.from('7fffffff01', 'hex'), 'frameTooLong'],
  ['a frame without a type', Buffer.from('0000000000', 'hex'), 'badFrame'],
] as const) {
  test(`${what} is refused with ${code}`, async t => {
    const lab = await engineLab(t);
    const engine = await lab.launch('shell');
    const wire = await wireTo(await socketOf(lab, engine));
    wire.send(bytes);
    t.is(refusal(await wire.next()), code);
    t.is(await wire.next(), undefined);
    t.is((await runTask(engine, 'echo on')).log, 'on\n');
  });
}

test('garbage never harms the engine', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const path = await socketOf(lab, engine);
  for (let round = 0; round < 30; round++) {
    const wire = await wireTo(path);
    wire.send(randomBytes(1 + round * 50));
    wire.end();
  }
  t.is((await runTask(engine, 'echo on')).log, 'on\n');
  t.is(await readFile(directoryOf(lab, engine).hostLog, 'utf8'), '');
});

test('many connections that prove nothing are refused, and the owner is not', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const path = await socketOf(lab, engine);
  const wires: Wire[] = [];
  for (let count = 0; count < 40; count++) wires.push(await wireTo(path));
  const answers = await Promise.all(wires.slice(16, 30).map(async wire => refusal(await wire.next())));
  t.deepEqual([...new Set(answers)], ['tooManyConnections']);
  t.is((await runTask(engine, 'echo on')).log, 'on\n');
  for (const wire of wires) wire.end();
});

test('a stale epoch is refused, a later one displaces the owner, who then leaves the engine alone', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf('sleep 300', {epoch: 5}));
  await t.throwsAsync(attachAs(lab, engine, 4), {
    name: 'StaleEpochError',
    message: /epoch 5; epoch 4 is stale/,
  });
  const later = await attachAs(lab, engine, 6);
  t.deepEqual(later.state.task, {taskID: 1, attempt: 1, epoch: 6, hasEnded: false});
  await eventually('the first owner notices', () => lab.logged().includes('another owner') || undefined);
  await t.throwsAsync(engine.execute(taskOf('echo', {taskID: 2})), {name: 'StaleEpochError'});
  await t.throwsAsync(attachAs(lab, engine, 5), {name: 'StaleEpochError'});
  t.is(await readFile(join(directoryOf(lab, engine).jobDirectory(1, 1), 'epoch'), 'utf8'), '6\n');
  await later.request('shutdown', {graceMs: 0});
});

test('requests that make no sense are refused with their code, and the connection lives on', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const link = await attachAs(lab, engine, 0);
  const task = taskOf('true');
  const cases: readonly [string, Record<string, unknown>, RegExp][] = [
    ['dance', {}, /unknownRequest/],
    ['execute', {...task, taskID: -1}, /badTask/],
    ['execute', {...task, code: 7}, /badTask/],
    ['execute', {...task, environment: {'A=B': 'c'}}, /badTask.*A=B/],
    ['execute', {...task, environment: {A: 'nul\0'}}, /badTask/],
    ['execute', {...task, runningTimeoutMs: -5}, /badTask/],
    ['follow', {taskID: 9, attempt: 1, from: 0}, /noSuchTask/],
    ['shutdown', {graceMs: 'soon'}, /badRequest/],
  ];
  for (const [type, fields, message] of cases) {
    await t.throwsAsync(link.request(type, fields), {message}, type);
  }
  await link.request('execute', {...task});
  await t.throwsAsync(link.request('follow', {taskID: 1, attempt: 1, from: 10_000}), {message: /badOffset/});
  await t.throwsAsync(link.request('execute', {...task, taskID: 2}), {message: /busy/});
  await t.throwsAsync(link.request('execute', {...task, epoch: 0}), {name: 'StaleEpochError'});
  await link.request('kill', {taskID: 9, attempt: 1, graceMs: 0, why: 'killed'});
  await link.request('confirm', {taskID: 9, attempt: 1});
  link.close();
});

test('a task that has not ended cannot be confirmed', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf('sleep 300'));
  await t.throwsAsync(engine.confirm(1, 1), {name: 'EngineRefusedError', message: /notEnded/});
});

test('an acknowledgement beyond what was sent is refused', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const link = await attachAs(lab, engine, 0);
  await link.request('execute', {...taskOf('echo x')});
  await link.request('follow', {taskID: 1, attempt: 1, from: 0});
  link.acknowledge(1, 1, 2 ** 40);
  t.regex((await link.closed).why, /badAck|acknowledged/);
});

/** Passes bytes on, until `cut` breaks every connection in the middle of whatever it was doing. */
async function cuttableSocket(
  t: ExecutionContext,
  path: string,
  target: string,
): Promise<{readonly cut: () => void; readonly mute: (isMute: boolean) => void}> {
  let open: Socket[] = [];
  let isMute = false;
  const server = createServer(near => {
    const far = createConnection(target);
    open.push(near, far);
    near.on('error', () => undefined).on('close', () => far.destroy());
    far.on('error', () => undefined).on('close', () => near.destroy());
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      if (!isMute) near.write(chunk);
    });
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
  t.teardown(() => server.close());
  return {
    cut() {
      for (const socket of open) socket.destroy();
      open = [];
    },
    /** While mute, what the engine says is lost on the way. */
    mute(wanted) {
      isMute = wanted;
    },
  };
}

/** Another handle on a running engine, over a socket that can be cut. */
async function handleThroughProxy(
  t: ExecutionContext,
  lab: EngineLab,
  engine: EngineHandle,
  task: {taskID: number; attempt: number; epoch: number} | undefined,
) {
  const directory = directoryOf(lab, engine);
  const record = await readEngineRecord(directory);
  if (record === undefined) throw new Error('no engine.json');
  engine.detach();
  const path = join(lab.socketDirectory, 'proxy');
  const proxy = await cuttableSocket(t, path, record.socketPath);
  const said: string[] = [];
  const say = (_: unknown, message: string): void => void said.push(message);
  const handle = await openEngineHandle({
    record: {...record, socketPath: path},
    directory,
    secret: await readSecret(directory),
    owner: 'again',
    clock: systemClock,
    log: {debug: say, info: say, warn: say, error: say},
    windowBytes: 2 ** 20,
    requestTimeoutMs: 10_000,
    ...(task === undefined ? {} : {task}),
    isLive: true,
    claim: {isHeld: async () => true, release() {}},
  });
  return {handle, proxy, said};
}

const numbers = (count: number): string =>
  Array.from({length: count}, (_, index) => `${index + 1}\n`).join('');

test('an owner whose connection is cut again and again gets every line exactly once', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf('seq 1 400000; for n in $(seq 1 200); do echo $n; sleep 0.002; done'));
  const {handle, proxy, said} = await handleThroughProxy(t, lab, engine, {taskID: 1, attempt: 1, epoch: 2});
  let batches = 0;
  const {log} = await followToEnd(handle, {
    async onEvents() {
      if (++batches % 3 === 0) proxy.cut();
    },
  });
  t.true(log === numbers(400_000) + numbers(200));
  t.true(said.filter(message => message.includes('was lost')).length > 0);
  await handle.confirm(1, 1);
  await handle.shutdown(0);
});

test('a task whose acceptance was lost on the way can be handed over again, and runs once', async t => {
  const lab = await engineLab(t);
  const {handle, proxy} = await handleThroughProxy(t, lab, await lab.launch('shell'), undefined);
  const task = taskOf('echo ran >>count; cat count', {epoch: 7});
  proxy.mute(true);
  const lost = handle.execute(task);
  await eventually(
    'the engine has the task',
    async () => (await readdir(join(lab.enginesDirectory, handle.engineId, 'jobs'))).length > 0 || undefined,
  );
  proxy.cut();
  proxy.mute(false);
  await t.throwsAsync(lost, {name: 'EngineAwayError'});
  await handle.execute(task);
  t.is((await followToEnd(handle)).log, 'ran\n');
  await handle.confirm(1, 1);
  await handle.shutdown(0);
});

test('a kill that was wished while the connection was away is carried out when it is back', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf('sleep 300'));
  const {handle, proxy} = await handleThroughProxy(t, lab, engine, {taskID: 1, attempt: 1, epoch: 2});
  const followed = followToEnd(handle);
  proxy.mute(true);
  proxy.cut();
  handle.kill(1, 1, 0, 'killed');
  proxy.mute(false);
  t.is((await followed).end.outcome, 'killed');
  await handle.confirm(1, 1);
  await handle.shutdown(0);
});

test('whoever squats on the socket path is found out, and is told nothing', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const path = join(lab.socketDirectory, 'squatter');
  const heard: Buffer[] = [];
  const server = createServer(socket => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      heard.push(chunk);
      if (heard.length === 1)
        socket.write(
          encodeFrame(
            frameType.challenge,
            Buffer.concat([Buffer.from('0001', 'hex'), Buffer.alloc(32), Buffer.from(engine.engineId)]),
          ),
        );
      else socket.write(encodeFrame(frameType.welcome, Buffer.concat([Buffer.alloc(32), Buffer.from('{}')])));
    });
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
  t.teardown(() => server.close());
  const secret = await readSecret(directoryOf(lab, engine));
  await t.throwsAsync(
    attachEngine({
      engineId: engine.engineId,
      socketPath: path,
      secret,
      claim: {owner: 'a', epoch: 0},
      attachTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      clock: systemClock,
      onData: () => undefined,
    }),
    {message: /does not know the secret/},
  );
  t.false(Buffer.concat(heard).includes(Buffer.from(secret)));
});

test('socket, secret and directories are private', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
  const {path} = directoryOf(lab, engine);
  t.is(await mode(lab.socketDirectory), '700');
  t.is(await mode(await socketOf(lab, engine)), '600');
  t.is(await mode(path), '700');
  t.is(await mode(join(path, 'secret')), '600');
  t.is(await mode(join(path, 'engine.json')), '600');
  await chmod(lab.socketDirectory, 0o755);
  await lab.successor();
  t.is(await mode(lab.socketDirectory), '700');
});

test('an engine in another language, written from the documentation alone, does a job', async t => {
  const program = fileURLToPath(new URL('fixtures/echo-engine.ts', import.meta.url));
  const lab = await engineLab(t, {programs: {echo: [process.execPath, program]}});
  const engine = await lab.launch('echo');
  t.is((await runTask(engine, 'hello', {taskID: 1})).log, 'hello\n');
  await engine.execute(taskOf('again', {taskID: 2}));
  engine.detach();
  const [adopted] = await (await lab.successor()).adoptAll();
  t.deepEqual(adopted?.task, {taskID: 2, attempt: 1, epoch: 2});
  if (adopted === undefined) return;
  t.is((await followToEnd(adopted, {taskID: 2})).log, 'again\n');
  await adopted.confirm(2, 1);
  await adopted.shutdown(0);
});
