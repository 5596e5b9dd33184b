import test from 'ava';
import {createStreamWorld, type StreamFrame} from '../../support/stream-client.ts';

const numbered = (from: number, to: number): string[] =>
  Array.from({length: to - from}, (_, n) => `line ${from + n}`);

const typesOf = (frames: readonly StreamFrame[]): string[] => frames.map(({type}) => type);

test('a follower of a running job gets status, progress, each line once, and the end last', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob();
  job.become('Running');
  await job.append('one\ntwo\n');
  const client = await world.connect('ann');
  client.subscribe(job.taskID);
  await client.nextOf('log');
  await job.append('three\n');
  job.progress(0.5);
  await job.append('\nfive "quoted" \\n \u0001 ünï\n');
  await job.end('Succeed');
  const end = await client.nextOf('end');
  t.deepEqual(client.linesOf(job.taskID), ['one', 'two', 'three', '', 'five "quoted" \\n \u0001 ünï']);
  t.deepEqual(end, {type: 'end', taskID: job.taskID, status: 'Succeed', lines: 5});
  t.deepEqual(client.frames[0], {
    type: 'status',
    taskID: job.taskID,
    status: 'Running',
    at: '2024-05-01T02:20:30.000Z',
  });
  t.is(client.frames.at(-1), end);
  t.deepEqual([...new Set(typesOf(client.frames))], ['status', 'progress', 'log', 'end']);
});

test('a follower of a job that ended long ago gets its status, its log and its end', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob();
  await job.append('a\nb\n');
  await job.end('Failed');
  const client = await world.connect('ann');
  client.subscribe(job.taskID);
  await client.nextOf('end');
  t.deepEqual(typesOf(client.frames), ['status', 'log', 'end']);
  t.is(client.frames[0]?.['status'], 'Failed');
});

test('a job that waits is followed from its first line on', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob();
  const client = await world.connect('ann');
  client.subscribe(job.taskID);
  t.is((await client.nextOf('status'))['status'], 'Inited');
  job.become('Scheduled');
  job.become('Running');
  await job.append('first\n');
  await job.end('Cancelled');
  await client.nextOf('end');
  t.deepEqual(
    client.frames.filter(({type}) => type === 'status').map(({status}) => status),
    ['Inited', 'Scheduled', 'Running', 'Cancelled'],
  );
  t.deepEqual(client.linesOf(job.taskID), ['first']);
});

test('a job without a line ends without a log frame', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob();
  await job.end('Timeout');
  const client = await world.connect('ann');
  client.subscribe(job.taskID);
  t.like(await client.nextOf('end'), {status: 'Timeout', lines: 0});
  t.deepEqual(typesOf(client.frames), ['status', 'end']);
});

test('whoever reconnects with the next line, again and again, gets each line once', async t => {
  const world = await createStreamWorld({readBytesMax: 4096});
  t.teardown(world.stop);
  const job = world.addJob();
  const count = 20_000;
  const writing = (async () => {
    for (let from = 0; from < count; from += 37) {
      await job.append(
        numbered(from, Math.min(count, from + 37))
          .join('\n')
          .concat('\n'),
      );
    }
    await job.end('Succeed');
  })();
  const lines: string[] = [];
  for (let round = 1; ; round++) {
    const client = await world.connect('ann');
    const fromLine = lines.length;
    client.subscribe(job.taskID, fromLine);
    const enough = await client.next(
      frame =>
        frame.type === 'end' || (frame.type === 'log' && Number(frame['fromLine']) > fromLine + 300 * round),
    );
    lines.push(...client.linesOf(job.taskID, fromLine));
    client.ws.terminate();
    if (enough.type === 'end') break;
  }
  await writing;
  t.deepEqual(
    lines,
    Array.from({length: count}, (_, n) => `line ${n}`),
  );
});

test('a reader that asks for lines beyond the end gets those that come later, or just the end', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob();
  await job.append('0\n');
  const client = await world.connect('ann');
  client.subscribe(job.taskID, 3);
  await client.nextOf('progress');
  await job.append('1\n');
  await job.append('2\n3\n4\n');
  await job.end('Succeed');
  await client.nextOf('end');
  t.deepEqual(client.linesOf(job.taskID, 3), ['3', '4']);
  const late = await world.connect('ann');
  late.subscribe(job.taskID, 99);
  t.is((await late.nextOf('end'))['lines'], 5);
  t.deepEqual(late.linesOf(job.taskID, 99), []);
});

test('subscribing again starts again, and unsubscribing ends it', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const [job, other] = [world.addJob(), world.addJob()];
  await job.append('a\nb\n');
  const client = await world.connect('ann');
  client.subscribe(job.taskID);
  await client.nextOf('log');
  client.subscribe(job.taskID, 1);
  t.like(await client.nextOf('log'), {fromLine: 1, lines: ['b']});
  client.send({type: 'unsubscribe', taskID: job.taskID});
  client.subscribe(other.taskID);
  await client.next(frame => frame.taskID === other.taskID);
  await job.append('c\n');
  await other.append('x\n');
  await client.next(({type, taskID}) => type === 'log' && taskID === other.taskID);
  t.false(client.frames.some(({lines}) => Array.isArray(lines) && lines.some(line => line === 'c')));
  t.is(world.feed.listenerCount(), 1);
});

test('one socket follows many jobs, and a long log does not hold up a short one', async t => {
  const world = await createStreamWorld({readBytesMax: 8192});
  t.teardown(world.stop);
  const long = world.addJob();
  await long.append('x'.repeat(99).concat('\n').repeat(200_000));
  await long.end('Succeed');
  const short = Array.from({length: 100}, () => world.addJob());
  for (const job of short) await job.append(`${job.taskID}\n`);
  await Promise.all(short.map(async job => job.end('Succeed')));
  const client = await world.connect('ann');
  for (const {taskID} of [long, ...short]) client.subscribe(taskID);
  await client.next(({type, taskID}) => type === 'end' && taskID === long.taskID);
  const ends = client.frames.filter(({type}) => type === 'end').map(({taskID}) => taskID);
  t.is(ends.length, 101);
  t.is(ends.at(-1), long.taskID);
  t.is(client.linesOf(long.taskID).length, 200_000);
  for (const {taskID} of short) t.deepEqual(client.linesOf(taskID), [String(taskID)]);
});

test("somebody else's job and a job that is not there get the same refusal; administrators see it, and that is audited", async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob({submitUser: 'ann', executeUser: 'hadoop'});
  await job.append('secret\n');
  const eve = await world.connect('eve');
  eve.subscribe(job.taskID);
  const refusal = await eve.nextOf('error');
  t.like(refusal, {taskID: job.taskID, code: 80018});
  eve.subscribe(999);
  const missing = await eve.nextOf('error');
  t.is(String(missing['message']).replace('999', String(job.taskID)), String(refusal['message']));
  t.deepEqual(typesOf(eve.frames), ['error', 'error']);
  for (const user of ['ann', 'hadoop', 'root']) {
    const client = await world.connect(user);
    client.subscribe(job.taskID);
    t.deepEqual((await client.nextOf('log'))['lines'], ['secret']);
  }
  const audited = world.logged.filter(({audit}) => audit === true);
  t.is(audited.length, 1);
  t.like(audited[0], {action: 'readAsAdministrator', user: 'root', taskID: job.taskID, owner: 'ann'});
});

test('lines that are gone are declared as a gap, then the end follows', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob();
  await job.append('a\nb\nc\n');
  await job.end('Succeed');
  await world.logs.remove(job.logPath);
  const client = await world.connect('ann');
  client.subscribe(job.taskID, 1);
  await client.nextOf('end');
  t.deepEqual(typesOf(client.frames), ['status', 'gap', 'end']);
  t.like(client.frames[1], {fromLine: 1, toLine: 3});
});

test('a gap says why, whether lines follow it or not', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob();
  await job.append('a\nb\nc\nd\n');
  await job.end('Succeed');
  const whyGone = 'Removed by retention.';
  world.setOnRead(async (_taskID, fromLine) =>
    fromLine < 2
      ? {fromLine: 2, lineCount: 1, bytes: Buffer.from('c\n'), whyGone}
      : {fromLine: 4, lineCount: 0, bytes: Buffer.alloc(0), whyGone},
  );
  const client = await world.connect('ann');
  client.subscribe(job.taskID);
  await client.nextOf('end');
  t.deepEqual(client.frames.slice(1), [
    {type: 'gap', taskID: 1, fromLine: 0, toLine: 2, why: whyGone},
    {type: 'log', taskID: 1, fromLine: 2, lines: ['c']},
    {type: 'gap', taskID: 1, fromLine: 3, toLine: 4, why: whyGone},
    {type: 'end', taskID: 1, status: 'Succeed', lines: 4},
  ]);
});

test('a log that cannot be read ends the subscription with the line to go on from', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob();
  await job.append('a\nb\n');
  const client = await world.connect('ann');
  world.setOnRead(async () => {
    throw new Error('node n2:9101 is away');
  });
  client.subscribe(job.taskID, 1);
  const {message} = await client.nextOf('error');
  t.regex(String(message), /n2:9101 is away.*fromLine 1/);
  t.is(world.feed.listenerCount(), 0);
  world.setOnRead(async () => undefined);
  client.subscribe(job.taskID, 1);
  t.deepEqual((await client.nextOf('log'))['lines'], ['b']);
});

test('news whose line count is wrong shifts nothing: the log itself is read', async t => {
  const world = await createStreamWorld();
  t.teardown(world.stop);
  const job = world.addJob();
  const client = await world.connect('ann');
  client.subscribe(job.taskID);
  await client.nextOf('progress');
  const writer = await world.logs.open(job.logPath, 'other');
  await writer.append(Buffer.from('a\nb\n'), 1);
  const chunk = {fromLine: 0, lineCount: 3, bytes: Buffer.from('a\nb\n')};
  world.feed.publish(job.taskID, {type: 'log', lines: 2, chunk});
  t.deepEqual((await client.nextOf('log'))['lines'], ['a', 'b']);
});
