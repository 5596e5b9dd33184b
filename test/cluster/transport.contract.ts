/** What every transport promises (cluster/connection.ts), run against ws, wss and the one in memory. */
import type {ExecutionContext, TestFn} from 'ava';
import {
  frameBytesMax,
  type Connection,
  type Transport,
  type TransportListener,
} from '../../cluster/connection.ts';
import {LinkError, PeerGoneError} from '../../cluster/link-errors.ts';
import {acceptedBy, hear, patience, rejection, until} from './transport-world.ts';

export type ContractNode = {
  readonly transport: Transport;
  /** Where others dial it, once it listens. */
  readonly addressOf: (listener: TransportListener) => string;
};

/** Two nodes of one cluster that can reach each other. */
export type NewNodes = () => Promise<{
  readonly one: ContractNode;
  readonly other: ContractNode;
  /** An address where nobody listens. */
  readonly nobody: string;
}>;

export function transportContract(test: TestFn, name: string, newNodes: NewNodes): void {
  /** Listens until the test ends. */
  const listen = async (
    t: ExecutionContext,
    {transport}: ContractNode,
    onConnection: (connection: Connection) => void,
  ): Promise<TransportListener> => {
    const connections: Connection[] = [];
    const listener = await transport.listen(connection => {
      connections.push(connection);
      onConnection(connection);
    });
    t.teardown(async () => {
      for (const connection of connections) connection.terminate();
      await listener.close();
    });
    return listener;
  };
  const connect = async (
    t: ExecutionContext,
  ): Promise<{readonly dialled: Connection; readonly accepted: Connection}> => {
    const {one, other} = await newNodes();
    const arrivals = acceptedBy();
    const listener = await listen(t, other, arrivals.onConnection);
    const dialled = await one.transport.dial(other.addressOf(listener), patience());
    return {dialled, accepted: await arrivals.next()};
  };

  test.serial(`${name}: each side knows who the other is and who dialled`, async t => {
    const {dialled, accepted} = await connect(t);
    t.true(dialled.isDialler);
    t.false(accepted.isDialler);
    t.not(dialled.peer.incarnation, accepted.peer.incarnation);
    t.deepEqual(dialled.peer.roles, ['manager']);
    t.deepEqual(accepted.peer.roles, ['entrance']);
    t.is(dialled.peer.wireVersion, 2);
    t.is(accepted.peer.wireVersion, 2);
  });

  test.serial(`${name}: frames arrive whole and in order, both ways`, async t => {
    const {dialled, accepted} = await connect(t);
    const there = hear(accepted);
    const back = hear(dialled);
    for (let n = 0; n < 500; n++) {
      dialled.send(Buffer.from(`there ${n}`));
      accepted.send(Buffer.from(`back ${n}`));
    }
    await until(() => there.frames.length === 500 && back.frames.length === 500, 'all had come');
    t.is(there.frames.join(), Array.from({length: 500}, (_, n) => `there ${n}`).join());
    t.is(back.frames.join(), Array.from({length: 500}, (_, n) => `back ${n}`).join());
  });

  test.serial(
    `${name}: an empty frame and the longest one arrive as they are, a longer one is refused at once`,
    async t => {
      const {dialled, accepted} = await connect(t);
      const there = hear(accepted);
      const back = hear(dialled);
      const longest = Buffer.alloc(frameBytesMax, 'abcdefg');
      for (const connection of [dialled, accepted]) {
        connection.send(new Uint8Array(0));
        connection.send(longest);
        t.throws(() => connection.send(Buffer.alloc(frameBytesMax + 1)), {instanceOf: RangeError});
      }
      await until(() => there.frames.length === 2 && back.frames.length === 2, 'both had come');
      for (const [empty, full] of [there.frames, back.frames]) {
        t.is(empty?.length, 0);
        t.true(full?.equals(longest));
      }
    },
  );

  test.serial(
    `${name}: frames that come before anybody listens are kept, also those of a peer that has closed`,
    async t => {
      const {dialled, accepted} = await connect(t);
      for (let n = 0; n < 100; n++) dialled.send(Buffer.from(`${n}`));
      dialled.close(4000, 'that was all');
      await new Promise(resolve => setTimeout(resolve, 50));
      const heard = hear(accepted);
      t.deepEqual(await heard.closed, {code: 4000, text: 'that was all'});
      t.is(heard.frames.join(), Array.from({length: 100}, (_, n) => `${n}`).join());
    },
  );

  test.serial(
    `${name}: what the acceptor sends the moment it accepts waits for the dialler to listen`,
    async t => {
      const {one, other} = await newNodes();
      const listener = await listen(t, other, connection => {
        hear(connection);
        connection.send(Buffer.from('first'));
        connection.send(Buffer.alloc(100_000, 7));
      });
      const dialled = await one.transport.dial(other.addressOf(listener), patience());
      await new Promise(resolve => setTimeout(resolve, 20));
      const heard = hear(dialled);
      await until(() => heard.frames.length === 2, 'both had come');
      t.is(heard.frames[0]?.toString(), 'first');
    },
  );

  test.serial(
    `${name}: both sides hear the code and text of a close, after the frames before it`,
    async t => {
      for (const isDialler of [true, false]) {
        const {dialled, accepted} = await connect(t);
        const [closer, peer] = isDialler ? [dialled, accepted] : [accepted, dialled];
        const own = hear(closer);
        const others = hear(peer);
        closer.send(Buffer.from('last words'));
        closer.close(4001, 'left');
        closer.send(Buffer.from('too late'));
        closer.close(4002, 'again');
        t.deepEqual(await others.closed, {code: 4001, text: 'left'});
        t.deepEqual(await own.closed, {code: 4001, text: 'left'});
        t.is(others.frames.join(), 'last words');
        t.is(closer.bufferedBytes(), 0);
      }
    },
  );

  test.serial(`${name}: whoever has closed hears no more frames`, async t => {
    const {dialled, accepted} = await connect(t);
    const own = hear(dialled);
    hear(accepted);
    accepted.send(Buffer.from('crosses the goodbye'));
    dialled.close(4001, 'left');
    await own.closed;
    t.is(own.frames.length, 0);
  });

  test.serial(`${name}: terminate ends both sides with 1006`, async t => {
    const {dialled, accepted} = await connect(t);
    const own = hear(accepted);
    const others = hear(dialled);
    accepted.terminate();
    t.deepEqual(await own.closed, {code: 1006, text: ''});
    t.is((await others.closed).code, 1006);
    accepted.terminate();
    accepted.close(4000, 'too late');
    accepted.send(Buffer.from('too late'));
  });

  test.serial(`${name}: one that was terminated before anybody listened says so`, async t => {
    const {dialled, accepted} = await connect(t);
    dialled.terminate();
    t.is((await hear(dialled).closed).code, 1006);
    t.is((await hear(accepted).closed).code, 1006);
  });

  test.serial(
    `${name}: what a peer does not read shows in bufferedBytes, and drains when it reads`,
    async t => {
      const {dialled, accepted} = await connect(t);
      const heard = hear(dialled);
      t.is(dialled.bufferedBytes(), 0);
      const frame = Buffer.alloc(1024 * 1024, 1);
      // More than the operating systems of both sides take.
      for (let n = 0; n < 32; n++) dialled.send(frame);
      for (let before = Infinity, same = 0; same < 5;) {
        await new Promise(resolve => setTimeout(resolve, 60));
        same = dialled.bufferedBytes() === before ? same + 1 : 0;
        before = dialled.bufferedBytes();
      }
      t.true(dialled.bufferedBytes() > 4 * frame.length, `${dialled.bufferedBytes()}`);
      t.is(heard.drains, 0);
      const there = hear(accepted);
      await until(() => there.frames.length === 32 && heard.drains > 0, 'all was read');
      t.is(heard.drains, 1);
      t.is(dialled.bufferedBytes(), 0);
    },
  );

  test.serial(`${name}: a peer that never reads is got rid of by terminate`, async t => {
    const {accepted} = await connect(t);
    const heard = hear(accepted);
    for (let n = 0; n < 32; n++) accepted.send(Buffer.alloc(1024 * 1024));
    accepted.terminate();
    t.is((await heard.closed).code, 1006);
    t.is(accepted.bufferedBytes(), 0);
    t.is(heard.drains, 0);
  });

  test.serial(`${name}: a close that the peer never answers ends all the same`, async t => {
    const {dialled} = await connect(t);
    const heard = hear(dialled);
    dialled.close(4000, 'bye');
    t.deepEqual(await heard.closed, {code: 4000, text: 'bye'});
  });

  test.serial(`${name}: where nobody listens the process is gone`, async t => {
    const {one, nobody} = await newNodes();
    const error = await rejection(one.transport.dial(nobody, patience()));
    t.true(error instanceof PeerGoneError, error.message);
    t.true(error.message.includes(nobody));
  });

  test.serial(
    `${name}: a node that listens no more is gone for new dials, and keeps its connections`,
    async t => {
      const {one, other} = await newNodes();
      const arrivals = acceptedBy();
      const listener = await listen(t, other, arrivals.onConnection);
      const dialled = await one.transport.dial(other.addressOf(listener), patience());
      const accepted = await arrivals.next();
      await listener.close();
      // Another test may have got the port meanwhile; that one does not know us either.
      const refused = await rejection(one.transport.dial(other.addressOf(listener), patience()));
      t.true(refused instanceof Error);
      const heard = hear(accepted);
      dialled.send(Buffer.from('still here'));
      await until(() => heard.frames.length === 1, 'it had come');
      dialled.terminate();
      await heard.closed;
    },
  );

  test.serial(`${name}: a dial that was given up rejects and leaves nothing behind`, async t => {
    const {one, other} = await newNodes();
    const arrivals = acceptedBy();
    const listener = await listen(t, other, arrivals.onConnection);
    const error = await rejection(one.transport.dial(other.addressOf(listener), AbortSignal.abort()));
    t.true(error instanceof LinkError, error.message);
    const abort = new AbortController();
    const dialling = rejection(one.transport.dial(other.addressOf(listener), abort.signal));
    abort.abort();
    t.true((await dialling) instanceof LinkError);
    await one.transport.dial(other.addressOf(listener), patience());
    await arrivals.next();
    t.is(arrivals.count(), 1);
  });

  test.serial(`${name}: a node is no peer of itself`, async t => {
    const {other} = await newNodes();
    const listener = await listen(t, other, () => t.fail());
    const error = await rejection(other.transport.dial(other.addressOf(listener), patience()));
    t.true(error instanceof LinkError, error.message);
  });

  test.serial(`${name}: an address that is none is a LinkError`, async t => {
    const {one} = await newNodes();
    for (const address of ['', 'nowhere', 'host:port', 'host:99999']) {
      t.true((await rejection(one.transport.dial(address, patience()))) instanceof LinkError);
    }
  });
}
