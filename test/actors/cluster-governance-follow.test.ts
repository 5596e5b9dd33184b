import test, {type ExecutionContext} from 'ava';
import type {JobNews} from '../../actors/governance.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';
import {entranceCluster, type ClusterOptions} from '../support/entrance-cluster.ts';

/** Lets what is under way between nodes arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await new Promise(resolve => void setImmediate(resolve));
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 500) {
    clock.advance(500);
    await settle();
  }
}

const say = (news: JobNews): string => {
  switch (news.type) {
    case 'status':
      return news.status;
    case 'progress':
      return `${news.progress * 100} %`;
    case 'log':
      return `log ${news.lines}${news.chunk.lineCount === 0 ? ' announced' : ''}`;
    case 'end':
      return `end ${news.status} ${news.lines}`;
  }
};

async function followed(t: ExecutionContext, options: ClusterOptions = {}) {
  const clock = manualClock();
  const cluster = entranceCluster(t, {clock, ...options});
  const taskID = cluster.add('a:1', {status: 'Inited'});
  const heard: string[] = [];
  const unfollow = await cluster.governance.follow(taskID, news => heard.push(say(news)));
  await settle();
  const a = cluster.entrance('a:1').play(taskID);
  const {takeOver} = cluster;
  return {
    ...cluster,
    clock,
    taskID,
    heard,
    unfollow,
    a,
    /** The other entrance has the job, and all that was logged. */
    move(status: 'Running' | 'Scheduled' | 'Succeed', lines = 0) {
      takeOver(taskID, 'b:1', {status});
      const b = cluster.entrance('b:1').play(taskID);
      for (let line = 0; line < lines; line += 1) b.log(`line ${line}`);
      return b;
    },
  };
}

test('a job on another node is followed to its end, in order, and let go', async t => {
  const {heard, a, unfollow} = await followed(t);
  a.status('Running');
  a.log('one', 'two');
  a.progress(0.5);
  a.log('three');
  a.status('Succeed');
  await settle();
  t.deepEqual(heard, ['Inited', 'Running', 'log 2', '50 %', 'log 3', 'Succeed', 'end Succeed 3']);
  t.is(a.followers(), 0);
  unfollow?.();
});

test('who stops following is told nothing more, and the owner forgets them', async t => {
  const {heard, a, unfollow} = await followed(t);
  t.is(a.followers(), 1);
  unfollow?.();
  a.status('Running');
  await settle();
  t.is(a.followers(), 0);
  t.deepEqual(heard, ['Inited']);
});

test('of a job that ended before only the end is told; of none, nothing', async t => {
  const {governance, add, entrance} = entranceCluster(t);
  const taskID = add('a:1', {status: 'Running'});
  entrance('a:1').play(taskID).log('one');
  entrance('a:1').play(taskID).status('Failed');
  const heard: string[] = [];
  const unfollow = await governance.follow(taskID, news => heard.push(say(news)));
  t.is(typeof unfollow, 'function');
  await settle();
  t.deepEqual(heard, ['end Failed 1']);
  t.is(await governance.follow(4711, () => undefined), undefined);
});

test('a following goes on at the next owner: no status twice, the log announced, one end', async t => {
  const {heard, a, hub, dead, move, announce, clock} = await followed(t);
  a.status('Running');
  a.log('line 0', 'line 1');
  await settle();
  hub.cut('a:1');
  dead.add('a:1');
  await pass(clock, 3000);
  const b = move('Running', 3);
  announce('a:1');
  await settle();
  b.progress(0.9);
  b.log('line 3');
  b.status('Succeed');
  await settle();
  await pass(clock, 60_000);
  t.deepEqual(heard, [
    'Inited',
    'Running',
    'log 2',
    'log 3 announced',
    '90 %',
    'log 4',
    'Succeed',
    'end Succeed 4',
  ]);
});

test('an end that came while nobody could be asked is told once, from the next owner', async t => {
  const {heard, a, hub, move, announce, clock} = await followed(t);
  a.status('Running');
  await settle();
  hub.cut('a:1');
  move('Succeed', 2);
  announce('a:1');
  await settle();
  await pass(clock, 30_000);
  t.deepEqual(heard, ['Inited', 'Running', 'end Succeed 2']);
});

test('an end is told from the row when its owner is gone for good', async t => {
  const {heard, a, hub, dead, clock} = await followed(t);
  a.status('Running');
  await settle();
  hub.cut('a:1');
  dead.add('a:1');
  a.change({status: 'Failed'});
  await pass(clock, 10_000);
  t.deepEqual(heard, ['Inited', 'Running', 'end Failed 0']);
});

test('a job whose owner cannot be reached yet is followed all the same', async t => {
  const {governance, add, hub, entrance} = entranceCluster(t);
  const taskID = add('a:1', {status: 'Scheduled'});
  hub.cut('a:1');
  const heard: string[] = [];
  await governance.follow(taskID, news => heard.push(say(news)));
  t.deepEqual(heard, ['Scheduled']);
  hub.heal('a:1');
  await settle();
  entrance('a:1').play(taskID).status('Running');
  await settle();
  t.deepEqual(heard, ['Scheduled', 'Running']);
});

test('who remembers a former owner follows the present one', async t => {
  const clock = manualClock();
  const {governance, add, takeOver, entrance} = entranceCluster(t, {clock});
  const taskID = add('a:1', {status: 'Running'});
  await governance.find(taskID);
  takeOver(taskID, 'b:1');
  const heard: string[] = [];
  await governance.follow(taskID, news => heard.push(say(news)));
  await settle();
  entrance('b:1').play(taskID).log('one');
  await settle();
  t.deepEqual(heard, ['Running', 'log 1']);
  t.is(entrance('a:1').play(taskID).followers(), 0);
});

test('of a thousand lines at once a follower hears how many there are, in a few news', async t => {
  const {heard, a} = await followed(t);
  for (let line = 0; line < 1000; line += 1) a.log(`line ${line}`);
  await settle();
  t.is(heard.at(-1), 'log 1000 announced');
  t.true(heard.length < 200);
  a.log('line 1000');
  await settle();
  t.is(heard.at(-1), 'log 1001');
});

test('a short cut of the link costs a follower nothing but time', async t => {
  const {heard, a, hub, clock} = await followed(t);
  a.status('Running');
  await settle();
  hub.cut('a:1');
  a.log('line 0', 'line 1');
  await pass(clock, 2000);
  hub.heal('a:1');
  await settle();
  a.log('line 2');
  await settle();
  t.deepEqual(heard, ['Inited', 'Running', 'log 2 announced', 'log 3']);
});

test('lost news are noticed by the next one', async t => {
  const {heard, a, hub} = await followed(t);
  const heal = hub.lose(message => JSON.stringify(message).includes('"Running"'));
  a.status('Running');
  await settle();
  heal();
  a.log('line 0');
  await settle();
  a.log('line 1');
  await settle();
  t.deepEqual(heard, ['Inited', 'Running', 'log 1 announced', 'log 2']);
});

test('a lost end is noticed within 20 s although no other news follow it', async t => {
  const {heard, a, hub, clock} = await followed(t);
  a.status('Running');
  await settle();
  const heal = hub.lose(message => JSON.stringify(message).includes('sequence'));
  a.status('Succeed');
  await settle();
  heal();
  await pass(clock, 21_000);
  t.deepEqual(heard, ['Inited', 'Running', 'end Succeed 0']);
});

test('a following lives as long as its follower, and no longer', async t => {
  const {heard, a, hub, clock} = await followed(t);
  await pass(clock, 300_000);
  t.is(a.followers(), 1);
  a.status('Running');
  await settle();
  t.deepEqual(heard, ['Inited', 'Running']);
  hub.lose((_message, from) => from === 'gateway:9000');
  await pass(clock, 90_000);
  t.is(a.followers(), 0);
});

test('a job that this very node takes over is followed here', async t => {
  const clock = manualClock();
  const cluster = entranceCluster(t, {clock, local: 'b:1'});
  const taskID = cluster.add('a:1', {status: 'Running'});
  const heard: string[] = [];
  await cluster.governance.follow(taskID, news => heard.push(say(news)));
  await settle();
  cluster.hub.cut('a:1');
  cluster.takeOver(taskID, 'b:1');
  const b = cluster.entrance('b:1').play(taskID);
  b.log('one');
  cluster.announce('a:1');
  await settle();
  b.status('Succeed');
  await settle();
  t.deepEqual(heard, ['Running', 'log 1 announced', 'Succeed', 'end Succeed 1']);
  t.is(b.followers(), 0);
});

test('followers of one job share its news; who comes later hears first how things stand', async t => {
  const {governance, taskID, heard, a, hub, unfollow} = await followed(t);
  a.status('Running');
  a.progress(0.25);
  a.log('one');
  await settle();
  const later: string[] = [];
  const stop = await governance.follow(taskID, news => later.push(say(news)));
  t.deepEqual(later, ['Running', '25 %']);
  a.log('two');
  await settle();
  t.is(a.followers(), 1);
  t.is(hub.arrived('follow'), 1);
  unfollow?.();
  a.progress(0.5);
  await settle();
  t.deepEqual(heard, ['Inited', 'Running', '25 %', 'log 1', 'log 2']);
  t.deepEqual(later, ['Running', '25 %', 'log 2', '50 %']);
  stop?.();
  await settle();
  t.is(a.followers(), 0);
  const again: string[] = [];
  await governance.follow(taskID, news => again.push(say(news)));
  a.status('Succeed');
  await settle();
  t.deepEqual(again.slice(-2), ['Succeed', 'end Succeed 2']);
  t.is(a.followers(), 0);
});

test('followers that come at once all hear the beginning and the end, or that there is no such job', async t => {
  const {governance, taskID, a} = await followed(t);
  const heard: string[][] = [[], [], []];
  await Promise.all(heard.map(each => governance.follow(taskID, news => each.push(say(news)))));
  a.status('Failed');
  await settle();
  for (const each of heard) t.deepEqual(each, ['Inited', 'Failed', 'end Failed 0']);
  const late: string[][] = [[], []];
  await Promise.all(late.map(each => governance.follow(taskID, news => each.push(say(news)))));
  await settle();
  for (const each of late) t.deepEqual(each, ['end Failed 0']);
  const none = await Promise.all([1, 2].map(() => governance.follow(4711, () => undefined)));
  t.deepEqual(none, [undefined, undefined]);
});

test('a follower that fails harms nobody', async t => {
  const {governance, taskID, a, heard} = await followed(t);
  await governance.follow(taskID, () => {
    throw new Error('planted');
  });
  a.status('Running');
  await settle();
  t.deepEqual(heard, ['Inited', 'Running']);
});
