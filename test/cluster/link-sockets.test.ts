/** Links over real sockets. */
import test from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {systemRandom} from '../../actors/runtime/random.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {createClusterLinks, type ClusterLinks} from '../../cluster/cluster-links.ts';
import type {Connection} from '../../cluster/connection.ts';
import {collector, handler, testSystem} from '../actors/runtime/harness.ts';
import {anyKey} from './link-world.ts';
import {wsNode} from './transport-world.ts';

type Line = {readonly type: 'line'; readonly number: number; readonly text: Uint8Array};
type Question = {readonly type: 'ask'; readonly number: number; readonly replyTo: Ref<number>};

const lineKey = anyKey<Line>('lines');
const questionKey = anyKey<Question>('questions');

async function until(isDone: () => boolean, limitMs = 8000): Promise<void> {
  const untilMs = performance.now() + limitMs;
  while (!isDone()) {
    if (performance.now() > untilMs) throw new Error(`Nothing of the kind within ${limitMs} ms.`);
    await new Promise(resolve => {
      setTimeout(resolve, 2);
    });
  }
}

test('messages and questions cross real sockets; a cut connection is dialled again and nothing is lost', async t => {
  const open: Connection[] = [];
  const node = async (instance: string) => {
    const {system} = testSystem(t, {clock: systemClock, mailboxMax: 100_000});
    const incarnation = instance.replace(':', '-');
    const transport = wsNode({identity: {instance, incarnation, roles: []}});
    let links: ClusterLinks | undefined;
    const listener = await transport.listen(connection => {
      open.push(connection);
      links?.accept(connection);
    });
    links = createClusterLinks({
      transport,
      system,
      self: {instance, incarnation},
      clock: systemClock,
      random: systemRandom,
      log: {warn() {}, error() {}},
    });
    t.teardown(async () => {
      links?.close();
      await listener.close();
    });
    return {instance, system, links, address: `127.0.0.1:${listener.port}`};
  };
  const [a, b] = [await node('localhost:9101'), await node('localhost:9102')];
  const seen: Line[] = [];
  b.links.receptionist.publish(lineKey, b.system.spawn('lines', collector(seen)));
  b.links.receptionist.publish(
    questionKey,
    b.system.spawn(
      'double',
      handler<Question>(({number, replyTo}) => void replyTo.tell(2 * number)),
    ),
  );
  a.links.connect({instance: b.instance, address: b.address});
  await until(() => a.links.receptionist.find(lineKey, b.instance) !== undefined);
  const lines = a.links.receptionist.find(lineKey, b.instance);
  const questions = a.links.receptionist.find(questionKey, b.instance);
  if (lines === undefined || questions === undefined) return t.fail();
  let sent = 0;
  for (let round = 0; round < 8; round += 1) {
    for (let count = 0; count < 400; count += 1) {
      while (!lines.tell({type: 'line', number: sent, text: Buffer.alloc(5000, sent % 251)})) {
        await new Promise(resolve => {
          setTimeout(resolve, 1);
        });
      }
      sent += 1;
    }
    open.at(-1)?.terminate();
    const answer = a.system.ask<Question, number>(
      questions,
      replyTo => ({type: 'ask', number: round, replyTo}),
      8000,
    );
    t.is(await answer, 2 * round);
  }
  await until(() => seen.length >= sent);
  t.deepEqual(
    seen.map(({number}) => number),
    Array.from({length: sent}, (_, number) => number),
  );
  t.true(seen.every(({number, text}) => text.length === 5000 && text[4999] === number % 251));
  t.true(open.length >= 8);
});
