import test from 'ava';
import {createJobFeed, FeedFullError} from '../../actors/job-feed.ts';
import type {JobNews} from '../../actors/governance.ts';

const progress = (value: number): JobNews => ({type: 'progress', progress: value, progressInfo: []});
const end: JobNews = {type: 'end', status: 'Succeed', lines: 3};

test('news reaches those who listen to that job, in order, and nobody else', t => {
  const feed = createJobFeed();
  const [seven, eight]: JobNews[][] = [[], []];
  feed.subscribe(7, news => seven?.push(news));
  feed.subscribe(8, news => eight?.push(news));
  feed.publish(7, progress(0.1));
  feed.publish(7, progress(0.2));
  feed.publish(9, progress(0.3));
  t.deepEqual(seven, [progress(0.1), progress(0.2)]);
  t.deepEqual(eight, []);
});

test('who leaves while news is told hears nothing more, and the others still do', t => {
  const feed = createJobFeed();
  const heard: string[] = [];
  const leaveSecond: (() => void)[] = [];
  feed.subscribe(7, () => {
    heard.push('first');
    for (const leave of leaveSecond) leave();
  });
  leaveSecond.push(feed.subscribe(7, () => heard.push('second')));
  feed.subscribe(7, () => heard.push('third'));
  feed.publish(7, progress(0.1));
  t.deepEqual(heard, ['first', 'third']);
});

test('who comes while news is told hears the next one first', t => {
  const feed = createJobFeed();
  const heard: JobNews[] = [];
  let isSubscribed = false;
  feed.subscribe(7, () => {
    if (!isSubscribed) feed.subscribe(7, news => heard.push(news));
    isSubscribed = true;
  });
  feed.publish(7, progress(0.1));
  feed.publish(7, progress(0.2));
  t.deepEqual(heard, [progress(0.2)]);
});

test('news published by a listener follows after everybody has heard the present one', t => {
  const feed = createJobFeed();
  const heard: string[] = [];
  feed.subscribe(7, news => {
    heard.push(`a ${news.type}`);
    if (news.type === 'progress') feed.publish(7, end);
  });
  feed.subscribe(7, news => heard.push(`b ${news.type}`));
  feed.publish(7, progress(0.5));
  t.deepEqual(heard, ['a progress', 'b progress', 'a end', 'b end']);
});

test('a listener that throws is reported, and harms nobody else', t => {
  const failures: unknown[] = [];
  const feed = createJobFeed({onListenerFailure: (taskID, error) => failures.push([taskID, error])});
  const heard: JobNews[] = [];
  const broken = new Error('broken');
  feed.subscribe(7, () => {
    throw broken;
  });
  feed.subscribe(7, news => heard.push(news));
  feed.publish(7, progress(0.1));
  feed.publish(7, progress(0.2));
  t.is(heard.length, 2);
  t.deepEqual(failures, [
    [7, broken],
    [7, broken],
  ]);
});

test('the end is the last news, and leaves no listener behind', t => {
  const feed = createJobFeed();
  const heard: JobNews[] = [];
  const leave = feed.subscribe(7, news => heard.push(news));
  feed.publish(7, end);
  feed.publish(7, progress(1));
  t.deepEqual(heard, [end]);
  t.is(feed.listenerCount(), 0);
  leave();
  t.is(feed.listenerCount(), 0);
});

test('leaving twice frees one place, and a function given twice is two subscriptions', t => {
  const feed = createJobFeed();
  let count = 0;
  const listener = (): void => {
    count++;
  };
  const leave = feed.subscribe(7, listener);
  feed.subscribe(7, listener);
  leave();
  leave();
  feed.publish(7, progress(0.1));
  t.is(count, 1);
  t.is(feed.listenerCount(), 1);
});

test('beyond the limit of listeners a subscription is refused, until one leaves', t => {
  const feed = createJobFeed({listenersMax: 2});
  const leave = feed.subscribe(7, () => undefined);
  feed.subscribe(8, () => undefined);
  t.throws(() => feed.subscribe(9, () => undefined), {instanceOf: FeedFullError, message: /2 followers/});
  leave();
  t.notThrows(() => feed.subscribe(9, () => undefined));
});
