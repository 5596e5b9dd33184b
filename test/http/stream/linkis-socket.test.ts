import {once} from 'node:events';
import test, {type ExecutionContext} from 'ava';
import {WebSocket} from 'ws';
import {LinkisError} from '../../../actors/domain/errors.ts';
import {createStreamWorld, type StreamWorld} from '../../support/stream-client.ts';
import {parseAnyExecId} from '../../../http/stream/legacy-exec-id.ts';

type Message = {
  readonly method: string;
  readonly status: number;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
};

type LinkisClient = {
  readonly ws: WebSocket;
  readonly messages: Message[];
  readonly send: (method: string, data?: unknown, websocketTag?: string) => void;
  /** The oldest message that was not taken yet and whose method ends so. */
  readonly next: (methodEnd: string) => Promise<Message>;
  readonly closed: Promise<unknown>;
};

async function connect({url}: StreamWorld, user?: string): Promise<LinkisClient> {
  const ws = new WebSocket(`${url}/ws/api/entrance/connect`, {
    headers: user === undefined ? {} : {'x-user': user},
  });
  const messages: Message[] = [];
  const unseen: Message[] = [];
  ws.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message;
    messages.push(message);
    unseen.push(message);
    ws.emit('taken');
  });
  const closed = once(ws, 'close');
  await once(ws, 'open');
  return {
    ws,
    messages,
    closed,
    send: (method, data = {}, websocketTag = 'tag') => ws.send(JSON.stringify({method, data, websocketTag})),
    async next(methodEnd) {
      for (;;) {
        const index = unseen.findIndex(({method}) => method.endsWith(methodEnd));
        const [found] = index < 0 ? [] : unseen.splice(index, 1);
        if (found !== undefined) return found;
        await once(ws, 'taken', {signal: AbortSignal.timeout(10_000)});
      }
    },
  };
}

async function setUp(
  t: ExecutionContext,
  ...options: Parameters<typeof createStreamWorld>
): Promise<StreamWorld> {
  const world = await createStreamWorld(...options);
  t.teardown(world.stop);
  return world;
}

const root = '/api/rest_j/v1/entrance';
const body = {executionCode: 'echo hi', executeApplicationName: 'shell', executeUser: 'somebody-else'};

test('a job run on the socket is answered twice, then its status, progress and log are pushed', async t => {
  const world = await setUp(t);
  const client = await connect(world, 'ann');
  client.send(`${root}/execute`, body, '37fcbd8b');
  const accepted = await client.next('/execute');
  const executed = await client.next('/execute');
  const execID = '030514IDEshelllocalhost:9101IDE_ann_shell_1';
  t.deepEqual(accepted, {
    method: `${root}/execute`,
    status: 0,
    message: 'Request execution succeeded(请求执行成功)',
    data: {execID, taskID: 1, websocketTag: '37fcbd8b'},
  });
  t.like(executed, {message: 'The request was executed successfully!', data: accepted.data});
  t.deepEqual(world.submitted, [{body: {...body, executeUser: 'ann'}, user: 'ann'}]);
  const job = world.jobOf(1);
  await client.next('/progress');
  job.become('Running');
  await job.append('2024-05-01 10:20:30.020 ERROR broken\n\nplain\n2024-05-01 10:20:30.020 WARN careful\n');
  const log = await client.next(`/${execID}/log`);
  t.is(log.message, 'Return log information(返回日志信息)');
  t.deepEqual(log.data['log'], [
    '2024-05-01 10:20:30.020 ERROR broken',
    '2024-05-01 10:20:30.020 WARN careful',
    'plain',
    '2024-05-01 10:20:30.020 ERROR broken\nplain\n2024-05-01 10:20:30.020 WARN careful',
  ]);
  await job.end('Succeed');
  t.deepEqual(
    [await client.next('/status'), await client.next('/status'), await client.next('/status')].map(
      ({data}) => data['status'],
    ),
    ['Inited', 'Running', 'Succeed'],
  );
  t.deepEqual(client.messages.at(-1), {
    method: `${root}/${execID}/status`,
    status: 0,
    message: 'Get the status of the task successfully(获取任务状态成功)',
    data: {execID, websocketTag: '37fcbd8b', taskID: 1, status: 'Succeed'},
  });
});

test('questions about a job are answered for its owner, in both forms of the execID', async t => {
  const world = await setUp(t);
  const job = world.addJob();
  await job.append(Array.from({length: 150}, (_, n) => `line ${n}\n`).join(''));
  job.progress(0.25);
  const client = await connect(world, 'ann');
  const long = (await world.governance.find(job.taskID))?.execID ?? '';
  const legacy = '030514IDEshelllocalhost:9101IDE_ann_shell_1';
  for (const execID of [long, legacy]) {
    client.send(`${root}/${execID}/status`);
    t.like((await client.next('/status')).data, {execID, status: 'Inited', websocketTag: 'tag', taskID: 1});
    client.send(`${root}/${execID}/progress`);
    t.like((await client.next('/progress')).data, {execID, progress: 0.25, taskID: 1});
    client.send(`${root}/${execID}/log`);
    const {log} = (await client.next('/log')).data as {log: string[]};
    t.is(log[3]?.split('\n').length, 100);
    client.send(`${root}/${execID}/pause`);
    t.like(await client.next('/pause'), {
      status: 1,
      message: 'Temporarily does not support the task pause(暂时不支持任务暂停)',
    });
  }
});

test("kill ends what is the caller's, and nothing else", async t => {
  const world = await setUp(t);
  world.addJob();
  world.addJob({submitUser: 'bob'});
  const client = await connect(world, 'ann');
  client.send(`${root}/030514IDEshelllocalhost:9101IDE_ann_shell_1/kill`);
  t.like(await client.next('/kill'), {status: 0, message: 'Kill task succeeded(kill任务成功)'});
  for (const id of [
    '030514IDEshelllocalhost:9101IDE_bob_shell_2',
    '030514IDEshelllocalhost:9101IDE_ann_shell_2',
    'nonsense',
    '999999x_1',
  ]) {
    client.send(`${root}/${id}/kill`);
    t.like(await client.next('/kill'), {status: 1, message: 'Get task failed(获取任务失败)'});
    client.send(`${root}/${id}/status`);
    t.like(await client.next('/status'), {status: 1, message: 'Get task status failed(获取任务状态失败)'});
    client.send(`${root}/${id}/log`);
    t.is((await client.next('/log')).status, 1);
  }
  t.deepEqual(world.killed, [1]);
});

test('empty, broken and unknown frames are answered, and the socket goes on', async t => {
  const world = await setUp(t);
  const client = await connect(world, 'ann');
  client.ws.send('');
  t.like(await client.next(''), {status: 1, message: 'Empty message!'});
  client.ws.send('{"method":7}');
  t.like((await client.next('')).data, {errorMsg: {level: 2, errCode: 11001}});
  client.send('/api/rest_j/v1/entrance/a/b/c');
  t.regex((await client.next('')).message, /^Unresolvable webSocket request.*entrance\/a\/b\/c$/);
  client.send('/api/rest_j/v1/jobhistory/list');
  t.regex((await client.next('')).message, /^Unresolvable/);
});

test('a submission that is refused is answered with its code', async t => {
  const world = await setUp(t);
  const job = world.addJob();
  const client = await connect(world, 'ann');
  world.setOnSubmit(async () => {
    throw new JobRefused();
  });
  client.send(`${root}/execute`, {});
  const {status, message, data} = await client.next('/execute');
  t.is(status, 1);
  t.regex(message, /^error code\(错误码\): 20007, error message\(错误信息\): no code\.$/);
  t.like(data, {websocketTag: 'tag', errorMsg: {level: 2, errCode: 20007, desc: 'no code'}});
  t.is(job.lines(), 0);
});

class JobRefused extends LinkisError {
  readonly code = 20007;

  constructor() {
    super('no code');
  }
}

test('who is not logged in hears so, and is let go', async t => {
  const world = await setUp(t);
  const client = await connect(world);
  client.send(`${root}/execute`, body, 'x');
  t.like(await client.next('/execute'), {status: -1, data: {websocketTag: 'x'}});
  t.like(await client.closed, [4401]);
  t.deepEqual(world.submitted, []);
});

test('a legacy execID is read by its lengths, and not repaired', t => {
  t.deepEqual(parseAnyExecId('030514IDEspark127.0.0.1:9104IDE_hadoop_spark_3'), {
    taskID: 3,
    shortId: 'IDE_hadoop_spark_3',
  });
  t.is(parseAnyExecId('039914IDEspark127.0.0.1:9104IDE_hadoop_spark_3'), undefined);
  t.is(parseAnyExecId('030514IDEspark127.0.0.1:9104IDE_hadoop_spark_x'), undefined);
  t.is(parseAnyExecId(''), undefined);
});
