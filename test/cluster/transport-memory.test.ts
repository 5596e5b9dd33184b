/** What the network in memory can do to nodes, on a clock that only the test moves. */
import test from 'ava';
import {seededRandom} from '../../actors/runtime/random.ts';
import type {CloseReason, Connection, Transport} from '../../cluster/connection.ts';
import {LinkError, PeerGoneError} from '../../cluster/link-errors.ts';
import {createMemoryNetwork, type MemoryNetwork} from '../../cluster/memory-transport.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';

type Ear = {readonly events: string[]; readonly connection: Connection};

type World = {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  readonly a: Transport;
  readonly b: Transport;
  /** Connects a to b; the ends, and what they hear with the time of it. */
  readonly connect: () => Promise<{readonly near: Ear; readonly far: Ear}>;
  /** How a dial from a to b ends. */
  readonly dial: (signal?: AbortSignal) => {readonly outcome: () => Promise<string>};
};

function world(seed = 1): World {
  const clock = manualClock();
  const network = createMemoryNetwork({clock, random: seededRandom(seed)});
  const node = (name: string): Transport =>
    network.transport({instance: `${name}:1`, incarnation: `${name}-life`, roles: []});
  const [a, b] = [node('a'), node('b')];
  const accepted: Ear[] = [];
  const ear = (connection: Connection): Ear => {
    const events: string[] = [];
    const note = (what: string): void => void events.push(`${what} @${Math.round(clock.monotonicMs())}`);
    connection.listen({
      onFrame: frame => note(Buffer.from(frame).toString()),
      onDrain: () => note('drained'),
      onClose: ({code}: CloseReason) => note(`closed ${code}`),
    });
    return {events, connection};
  };
  void b.listen(connection => accepted.push(ear(connection)));
  return {
    clock,
    network,
    a,
    b,
    async connect() {
      const dialling = a.dial('b:1', new AbortController().signal);
      clock.advance(0);
      const near = ear(await dialling);
      const far = accepted.pop();
      if (far === undefined) throw new Error('b has accepted nothing');
      return {near, far};
    },
    dial(signal = new AbortController().signal) {
      const settled = a.dial('b:1', signal).then(
        () => 'open',
        (error: unknown) =>
          error instanceof PeerGoneError ? 'gone' : error instanceof LinkError ? 'no link' : String(error),
      );
      return {
        outcome: () =>
          Promise.race([
            settled,
            Promise.resolve()
              .then(turns)
              .then(() => 'pending'),
          ]),
      };
    },
  };
}

/** Long enough for promises that have settled to be seen. */
const turns = async (): Promise<void> => {
  for (let n = 0; n < 10; n++) await Promise.resolve();
};

const send = ({connection}: Ear, text: string): void => connection.send(Buffer.from(text));

test('frames take the time they are given, and keep their order', async t => {
  const {clock, network, connect} = world();
  const {near, far} = await connect();
  network.delay('a:1', 'b:1', 10, 100);
  for (let n = 0; n < 50; n++) send(near, `${n}`);
  clock.advance(9);
  t.is(far.events.length, 0);
  clock.advance(101);
  t.deepEqual(
    far.events.map(event => Number.parseInt(event, 10)),
    Array.from({length: 50}, (_, n) => n),
  );
});

test('the same seed gives the same story, another one another', async t => {
  const story = async (seed: number): Promise<string> => {
    const {clock, network, connect} = world(seed);
    const {near, far} = await connect();
    network.delay('a:1', 'b:1', 5, 50);
    for (let n = 0; n < 20; n++) send(near, `${n}`);
    clock.advance(20);
    network.cut('a:1', 'b:1');
    clock.advance(3000);
    network.heal('a:1', 'b:1');
    for (let n = 0; n < 20; n++) send(far, `${n}`);
    clock.advance(10);
    near.connection.terminate();
    clock.advance(10_000);
    return JSON.stringify([near.events, far.events]);
  };
  t.is(await story(7), await story(7));
  t.not(await story(7), await story(8));
});

test('a cut is silent; after it nothing is lost, and the old connection may take as long again', async t => {
  const {clock, network, connect} = world();
  const {near, far} = await connect();
  network.cut('a:1', 'b:1');
  send(near, 'one');
  send(far, 'two');
  clock.advance(10_000);
  t.deepEqual([...near.events, ...far.events], []);
  network.heal('a:1', 'b:1');
  clock.advance(10_000);
  t.regex(far.events.join(), /^one @1\d{4}$/);
  t.regex(near.events.join(), /^two @1\d{4}$/);
  t.false(far.events.includes('one @10000'));
});

test('a connection made after a cut does not wait for the old one', async t => {
  const {clock, network, connect} = world();
  const old = await connect();
  network.cut('a:1', 'b:1');
  send(old.near, 'old');
  clock.advance(30_000);
  network.heal('a:1', 'b:1');
  const fresh = await connect();
  send(fresh.near, 'new');
  clock.advance(0);
  t.deepEqual(fresh.far.events, ['new @30000']);
  t.deepEqual(old.far.events, []);
});

test('a one-way cut lets the other way through', async t => {
  const {clock, network, connect} = world();
  const {near, far} = await connect();
  network.cut('a:1', 'b:1', {isOneWay: true});
  send(near, 'lost');
  send(far, 'heard');
  clock.advance(100);
  t.deepEqual(near.events, ['heard @0']);
  t.deepEqual(far.events, []);
});

test('terminate during a cut: the own side knows at once, the other when it can', async t => {
  const {clock, network, connect} = world();
  const {near, far} = await connect();
  network.cut('a:1', 'b:1');
  near.connection.terminate();
  clock.advance(5000);
  t.deepEqual(near.events, ['closed 1006 @0']);
  t.deepEqual(far.events, []);
  network.heal('a:1', 'b:1');
  clock.advance(5000);
  t.is(far.events.length, 1);
  t.regex(far.events[0] ?? '', /^closed 1006/);
});

test('a goodbye that can’t get through ends after the grace', async t => {
  const {clock, network, connect} = world();
  const {near} = await connect();
  network.cut('a:1', 'b:1');
  near.connection.close(4000, 'left');
  clock.advance(999);
  t.deepEqual(near.events, []);
  clock.advance(1);
  t.deepEqual(near.events, ['closed 4000 @1000']);
});

test('a dial into a cut gives up after three seconds, and goes on when it heals before', async t => {
  const {clock, network, dial} = world();
  network.cut('a:1', 'b:1');
  const hopeless = dial();
  clock.advance(2999);
  t.is(await hopeless.outcome(), 'pending');
  const patient = dial();
  clock.advance(1);
  t.is(await hopeless.outcome(), 'no link');
  clock.advance(500);
  network.heal('a:1', 'b:1');
  clock.advance(501);
  t.is(await patient.outcome(), 'open');
});

test('a paused process takes connections no further and frames not at all; resumed, it hears everything', async t => {
  const {clock, network, connect, dial} = world();
  const {near, far} = await connect();
  network.pause('b:1');
  for (let n = 0; n < 3; n++) send(near, `${n}`);
  near.connection.close(4000, 'left');
  const dialling = dial();
  clock.advance(900);
  t.deepEqual(far.events, []);
  t.is(await dialling.outcome(), 'pending');
  network.resume('b:1');
  clock.advance(0);
  t.deepEqual(far.events, ['0 @900', '1 @900', '2 @900', 'closed 4000 @900']);
  t.is(await dialling.outcome(), 'open');
});

test('what a paused process does not take fills the window, then the sender', async t => {
  const {clock, network, connect} = world();
  const {near} = await connect();
  network.pause('b:1');
  const frame = Buffer.alloc(512 * 1024);
  near.connection.send(frame);
  near.connection.send(frame);
  t.is(near.connection.bufferedBytes(), 0);
  near.connection.send(frame);
  t.is(near.connection.bufferedBytes(), frame.length);
  network.resume('b:1');
  clock.advance(0);
  clock.advance(0);
  t.deepEqual(near.events, ['drained @0']);
});

test('a crash ends connections with 1006, refuses dials, and the dead hear nothing', async t => {
  const {clock, network, connect, dial} = world();
  const {near, far} = await connect();
  network.crash('b:1');
  send(far, 'from beyond');
  clock.advance(10);
  t.deepEqual(near.events, ['closed 1006 @0']);
  t.deepEqual(far.events, []);
  const dialling = dial();
  clock.advance(0);
  t.is(await dialling.outcome(), 'gone');
});

test('a process that dies while it is paused refuses those who wait at its door', async t => {
  const {clock, network, dial} = world();
  network.pause('b:1');
  const dialling = dial();
  clock.advance(100);
  network.crash('b:1');
  clock.advance(0);
  t.is(await dialling.outcome(), 'gone');
});

test('a process that dies while it dials leaves no connection behind', async t => {
  const {clock, network, b, dial} = world();
  await b.listen(() => t.fail());
  network.delay('a:1', 'b:1', 10);
  const dialling = dial();
  network.crash('a:1');
  clock.advance(10_000);
  t.is(await dialling.outcome(), 'pending');
});

test('the next life of a crashed node is another peer', async t => {
  const {clock, network, a, connect} = world();
  await connect();
  network.crash('b:1');
  const reborn = network.transport({instance: 'b:1', incarnation: 'b-next-life', roles: []});
  await reborn.listen(() => undefined);
  const dialling = a.dial('b:1', new AbortController().signal);
  clock.advance(0);
  t.is((await dialling).peer.incarnation, 'b-next-life');
});

test('of what a dying process had sent, a beginning arrives', async t => {
  const counts = new Set<number>();
  for (let seed = 0; seed < 20; seed++) {
    const {clock, network, connect} = world(seed);
    const {near, far} = await connect();
    network.delay('a:1', 'b:1', 10);
    for (let n = 0; n < 5; n++) send(far, `${n}`);
    network.crash('b:1');
    clock.advance(20);
    const frames = near.events.slice(0, -1);
    t.deepEqual(frames, ['0 @10', '1 @10', '2 @10', '3 @10', '4 @10'].slice(0, frames.length));
    t.is(near.events.at(-1), 'closed 1006 @10');
    counts.add(frames.length);
  }
  t.true(counts.size > 2);
});

test('a dial that is given up after the other side has taken it leaves that side closed', async t => {
  const {clock, network, b, dial} = world();
  const ends: number[] = [];
  await b.listen(connection =>
    connection.listen({
      onFrame: () => undefined,
      onDrain: () => undefined,
      onClose: ({code}) => ends.push(code),
    }),
  );
  network.delay('a:1', 'b:1', 10);
  const abort = new AbortController();
  const dialling = dial(abort.signal);
  clock.advance(15);
  abort.abort();
  clock.advance(100);
  t.is(await dialling.outcome(), 'no link');
  t.deepEqual(ends, [1006]);
});

test('nodes without a common wire version have no link', async t => {
  const {clock, network} = world();
  const old = network.transport({instance: 'old:1', incarnation: 'old', roles: []}, {lowest: 0, highest: 0});
  const dialling = t.throwsAsync(old.dial('b:1', new AbortController().signal), {instanceOf: LinkError});
  clock.advance(0);
  await dialling;
});

test('a receiver may keep the bytes of a frame', async t => {
  const {clock, a, b} = world();
  const kept: Uint8Array[] = [];
  await b.listen(connection =>
    connection.listen({
      onFrame: frame => kept.push(frame),
      onDrain: () => undefined,
      onClose: () => undefined,
    }),
  );
  const dialling = a.dial('b:1', new AbortController().signal);
  clock.advance(0);
  const sent = Buffer.from('mine');
  (await dialling).send(sent);
  clock.advance(0);
  t.is(Buffer.from(kept[0] ?? []).toString(), 'mine');
});

test('when all is over nothing is left on the clock', async t => {
  const {clock, connect} = world();
  const {near} = await connect();
  near.connection.close(4000, 'left');
  clock.advance(0);
  t.is(clock.pending, 0);
});
