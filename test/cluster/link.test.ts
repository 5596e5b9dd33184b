import test from 'ava';
import type {Ref} from '../../actors/runtime/ref.ts';
import type {Connection, Transport} from '../../cluster/connection.ts';
import {healthy, tick, type HealthState, type HealthVerdict} from '../../cluster/link-health.ts';
import {collector, handler, turns} from '../actors/runtime/harness.ts';
import {anyKey, found, isUp, linked, linkWorld} from './link-world.ts';

type Note = {readonly type: 'note'; readonly number: number};
type Line = {readonly type: 'kill' | 'line' | 'end'; readonly text?: Uint8Array; readonly number?: number};

const noteKey = anyKey<Note>('notes');
const lineKey = anyKey<Line>('lines');

test('both dial at once: one connection stays, the one that the smaller incarnation dialled', async t => {
  for (const [first, second] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const world = linkWorld(t);
    const dialled: {by: string; isOpen: boolean}[] = [];
    const noting =
      (by: string) =>
      (transport: Transport): Transport => ({
        ...transport,
        async dial(address, signal): Promise<Connection> {
          const connection = await transport.dial(address, signal);
          const entry = {by, isOpen: true};
          dialled.push(entry);
          return {
            peer: connection.peer,
            isDialler: connection.isDialler,
            send: frame => connection.send(frame),
            bufferedBytes: () => connection.bufferedBytes(),
            close(code, text) {
              entry.isOpen = false;
              connection.close(code, text);
            },
            terminate: () => connection.terminate(),
            listen: events =>
              connection.listen({
                ...events,
                onClose(reason) {
                  entry.isOpen = false;
                  events.onClose(reason);
                },
              }),
          };
        },
      });
    const one = await world.node(first, {through: noting(first)});
    const other = await world.node(second, {through: noting(second)});
    world.network.delay(one.instance, other.instance, 5);
    await linked(world, one, other);
    await world.pass(3000);
    t.deepEqual(
      dialled.toSorted((x, y) => x.by.localeCompare(y.by)),
      [
        {by: 'a', isOpen: true},
        {by: 'b', isOpen: false},
      ],
    );
    t.true(isUp(one, other) && isUp(other, one));
  }
});

test('services come and go with the link, and with their actor', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const {receptionist} = a.links;
  let changes = 0;
  const stopListening = receptionist.onChange(noteKey, () => {
    changes += 1;
  });
  await linked(world, a, b);
  const ref = b.system.spawn('notes', collector<Note>([]));
  const withdraw = b.links.receptionist.publish(noteKey, ref);
  t.is(b.links.receptionist.find(noteKey, b.instance), ref);
  await world.pass(10);
  t.is(changes, 1);
  t.deepEqual([...receptionist.all(noteKey).keys()], [b.instance]);
  const own = a.system.spawn('notes', collector<Note>([]));
  receptionist.publish(noteKey, own);
  t.is(receptionist.all(noteKey).get(a.instance), own);
  t.is(changes, 2);
  withdraw();
  await world.pass(10);
  t.is(changes, 3);
  t.deepEqual([...receptionist.all(noteKey).keys()], [a.instance]);
  b.links.receptionist.publish(noteKey, ref);
  await world.pass(10);
  t.is(changes, 4);
  a.links.disconnect(b.instance, 'test');
  t.is(receptionist.find(noteKey, b.instance), undefined);
  t.is(changes, 5);
  stopListening();
  void a.system.stop(own);
  await world.pass(10);
  t.is(receptionist.find(noteKey, a.instance), undefined);
  t.is(changes, 5);
});

test('a silent link is suspected after 2 s, a busy or idle one never; round trips are measured', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  await linked(world, a, b);
  world.network.delay(a.instance, b.instance, 7);
  await world.pass(10_000);
  t.deepEqual(
    a.events.map(({type}) => type),
    ['up'],
  );
  const [status] = a.links.links();
  t.true((status?.rttMs ?? 0) >= 14 && (status?.rttMs ?? 0) <= 20, `${status?.rttMs}`);
  world.network.cut(a.instance, b.instance);
  const cutMs = world.clock.monotonicMs();
  await world.until(() => a.events.some(({type}) => type === 'suspect'));
  const silentMs = world.clock.monotonicMs() - cutMs;
  t.true(silentMs > 1200 && silentMs <= 2500, `${silentMs}`);
});

test('a stall of our own loop accuses nobody', t => {
  const times = [250, 500, 750, 6000, 6250, 6500, 6750];
  const verdicts = times.reduce<{state: HealthState; all: HealthVerdict[]}>(
    ({state, all}, atMs) => {
      const next = tick(state, atMs, false);
      return {state: next.state, all: [...all, next.verdict]};
    },
    {state: healthy(0), all: []},
  );
  t.false(verdicts.all.includes('suspect'));
  t.is(verdicts.state.silentMs, 1500);
  const steady = [...Array(8).keys()].reduce(
    state => tick(state, state.tickedAtMs + 250, false).state,
    healthy(0),
  );
  t.is(steady.silentMs, 2000);
  t.is(tick({...steady, silentMs: 1750}, steady.tickedAtMs + 250, false).verdict, 'suspect');
  t.is(tick({...steady, silentMs: 1750}, steady.tickedAtMs + 250, true).state.silentMs, 0);
});

test('a kill passes a flood of log within 20 ms', async t => {
  const world = linkWorld(t);
  const isControl = (message: unknown): boolean => (message as Line).type === 'kill';
  const [a, b] = [await world.node('a', {isControl}), await world.node('b')];
  const seen: Line[] = [];
  b.links.receptionist.publish(lineKey, b.system.spawn('lines', collector(seen)));
  await linked(world, a, b);
  const lines = await found(world, lineKey, b, a);
  // So long that what waits and is on its way takes 50 ms and more.
  world.network.delay(a.instance, b.instance, 8);
  let killedMs = 0;
  let sent = 0;
  for (let ms = 0; ms < 200; ms += 1) {
    while (lines.tell({type: 'line', text: new Uint8Array(8192)})) sent += 1;
    if (ms === 100) {
      killedMs = world.clock.monotonicMs();
      t.true(lines.tell({type: 'kill'}));
    }
    const before = seen.findIndex(({type}) => type === 'kill');
    if (before >= 0) break;
    await world.pass(1);
  }
  t.true(seen.some(({type}) => type === 'kill'));
  t.true(world.clock.monotonicMs() - killedMs <= 20, `${world.clock.monotonicMs() - killedMs} ms`);
  t.true(sent > 500);
});

test('what follows a bulk message to the same actor keeps its place behind it', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const seen: Line[] = [];
  const others: Note[] = [];
  b.links.receptionist.publish(lineKey, b.system.spawn('lines', collector(seen)));
  b.links.receptionist.publish(noteKey, b.system.spawn('notes', collector(others)));
  await linked(world, a, b);
  const lines = await found(world, lineKey, b, a);
  const notes = await found(world, noteKey, b, a);
  for (let number = 0; number < 500; number += 1)
    lines.tell({type: 'line', number, text: new Uint8Array(5000)});
  lines.tell({type: 'end'});
  notes.tell({type: 'note', number: 1});
  await world.until(() => others.length === 1);
  t.true(seen.length < 400);
  await world.until(() => seen.length === 501);
  t.is(seen.at(-1)?.type, 'end');
  t.true(seen[0]?.text instanceof Uint8Array);
});

test('a peer that never reads costs bounded memory, and control is not lost', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const seen: Line[] = [];
  b.links.receptionist.publish(lineKey, b.system.spawn('lines', collector(seen)));
  await linked(world, a, b);
  const lines = await found(world, lineKey, b, a);
  const bytesBefore = a.links.links()[0]?.bytesOut ?? 0;
  world.network.pause(b.instance);
  let refused = 0;
  let taken = 0;
  for (let ms = 0; ms < 1500; ms += 1) {
    for (let count = 0; count < 20; count += 1) {
      if (lines.tell({type: 'line', number: taken, text: new Uint8Array(8192)})) taken += 1;
      else refused += 1;
    }
    await world.pass(1);
  }
  const sent = (a.links.links()[0]?.bytesOut ?? 0) - bytesBefore;
  t.true(sent < 2.5 * 1024 * 1024, `${sent} bytes were sent`);
  t.true(taken * 8192 < 8 * 1024 * 1024, `${taken} were taken`);
  t.true(refused > 0);
  world.network.resume(b.instance);
  await world.until(() => seen.length === taken);
  t.deepEqual(
    seen.map(({number}) => number),
    Array.from({length: taken}, (_, number) => number),
  );
});

test('no more is sent to an actor with a full mailbox than its node has given credit for', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const stuck = handler<Note>(() => new Promise<void>(() => {}));
  b.links.receptionist.publish(noteKey, b.system.spawn('stuck', stuck, {mailboxMax: 1}));
  await linked(world, a, b);
  const notes = await found(world, noteKey, b, a);
  for (let number = 0; number < 8000; number += 1) t.true(notes.tell({type: 'note', number}));
  await world.pass(500);
  const waiting = a.links.links()[0]?.queued ?? 0;
  t.true(waiting >= 8000 - 4096 - 2048 && waiting <= 8000 - 4096, `${waiting}`);
});

test('a full mailbox slows its sender down and loses nothing', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b', {mailboxMax: 8})];
  const seen: number[] = [];
  const waiting: (() => void)[] = [];
  const slow = handler<Note>(
    ({number}) =>
      new Promise<void>(resolve => {
        seen.push(number);
        waiting.push(resolve);
      }),
  );
  b.links.receptionist.publish(noteKey, b.system.spawn('slow', slow, {mailboxMax: 1}));
  await linked(world, a, b);
  const notes = await found(world, noteKey, b, a);
  let sent = 0;
  while (sent < 3000 && notes.tell({type: 'note', number: sent})) sent += 1;
  for (let left = 20_000; left > 0 && seen.length < sent; left -= 1) {
    for (const resolve of waiting.splice(0)) resolve();
    await turns(1);
    world.clock.advance(0.2);
  }
  t.deepEqual(
    seen,
    Array.from({length: sent}, (_, number) => number),
  );
  t.is(b.system.deadLetters.count, 0);
});

test('an actor that takes nothing for a second is given up on, and holds up nobody else', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const stuck = handler<Note>(() => new Promise<void>(() => {}));
  const seen: Line[] = [];
  b.links.receptionist.publish(noteKey, b.system.spawn('stuck', stuck, {mailboxMax: 4}));
  b.links.receptionist.publish(lineKey, b.system.spawn('lines', collector(seen)));
  await linked(world, a, b);
  const notes = await found(world, noteKey, b, a);
  const lines = await found(world, lineKey, b, a);
  for (let number = 0; number < 7000; number += 1) t.true(notes.tell({type: 'note', number}));
  await world.pass(100);
  lines.tell({type: 'end'});
  await world.pass(2500);
  t.deepEqual(seen, [{type: 'end'}]);
  t.true(b.system.deadLetters.count > 1000);
});

test('two nodes of neighbouring versions understand each other', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b', {wire: {lowest: 1, highest: 1}})];
  const key = anyKey<{readonly type: 'ask'; readonly replyTo: Ref<number>}>('questions');
  b.links.receptionist.publish(
    key,
    b.system.spawn(
      'q',
      handler(({replyTo}) => void replyTo.tell(5)),
    ),
  );
  const seen: Note[] = [];
  b.links.receptionist.publish(noteKey, b.system.spawn('notes', collector(seen)));
  await linked(world, a, b);
  const answer = a.system.ask<{type: 'ask'; replyTo: Ref<number>}, number>(
    await found(world, key, b, a),
    replyTo => ({type: 'ask', replyTo}),
    1000,
  );
  await world.pass(20);
  t.is(await answer, 5);
  const notes = await found(world, noteKey, b, a);
  // More than the first credit of a connection.
  for (let number = 0; number < 20_000;) {
    if (notes.tell({type: 'note', number})) number += 1;
    else await world.pass(1);
  }
  await world.until(() => seen.length === 20_000);
  t.true(isUp(a, b));
});
