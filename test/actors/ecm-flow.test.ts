/** Output on its way from an ECM to an owner: bounded, whole, in order, whatever gets lost. */
import test from 'ava';
import fc from 'fast-check';
import {createFlow} from '../../actors/ecm-flow.ts';
import {createInlet} from '../../actors/ecm-inlet.ts';
import {flowLimits, type FlowMessage} from '../../actors/ecm-protocol.ts';
import type {EngineEvent} from '../../actors/ports.ts';
import {callbackRef} from '../../actors/runtime/callback-ref.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {manualClock} from '../support/manual-clock.ts';

const {messageBytesMax, messageEventsMax, windowBytes, windowMessages} = flowLimits;

const logOf = (bytes: number, offset: number): EngineEvent => ({
  type: 'log',
  taskID: 1,
  attempt: 1,
  lines: Buffer.alloc(bytes, String(offset % 10)),
  offset,
});

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

const bytesOf = (message: FlowMessage): number =>
  message.type === 'piece'
    ? message.lines.length
    : message.events.reduce((sum, event) => sum + (event.type === 'log' ? event.lines.length : 0), 0);

test('no more than a window is on its way; what is taken makes room for more', async t => {
  const told: FlowMessage[] = [];
  const flow = createFlow({
    path: '/flow',
    number: 1,
    fromOffset: 0,
    consumer: callbackRef<FlowMessage>('/consumer', message => void told.push(message)),
  });
  const events = Array.from({length: 40}, (_, index) => logOf(100_000, index + 1));
  let isTaken = false;
  void flow.consume(events).then(() => {
    isTaken = true;
  });
  await turn();
  const sent = told.reduce((sum, message) => sum + bytesOf(message), 0);
  t.true(sent <= windowBytes + messageBytesMax, `${sent} bytes on their way`);
  t.true(told.every(message => bytesOf(message) <= messageBytesMax));
  t.false(isTaken);
  while (flow.sent() < 40) {
    flow.ref.tell({type: 'taken', offset: flow.sent()});
    await turn();
  }
  flow.ref.tell({type: 'taken', offset: 40});
  await turn();
  t.true(isTaken);
});

test('messages without lines are bounded too', async t => {
  let count = 0;
  const flow = createFlow({
    path: '/flow',
    number: 1,
    fromOffset: 0,
    consumer: callbackRef<FlowMessage>('/consumer', () => void (count += 1)),
  });
  const events = Array.from({length: messageEventsMax * 100}, (_, index): EngineEvent => {
    return {type: 'progress', taskID: 1, attempt: 1, progress: 0.5, info: [], offset: index + 1};
  });
  void flow.consume(events);
  for (let turns = 0; turns < 10; turns += 1) await turn();
  t.is(count, windowMessages);
});

test('a consumer that can not be told is offered the rest again, and nothing twice', async t => {
  const told: number[] = [];
  let isAway = false;
  const consumer: Ref<FlowMessage> = {
    path: '/consumer',
    uid: 1,
    tell(message) {
      if (isAway) return false;
      if (message.type === 'events') told.push(...message.events.map(({offset}) => offset));
      isAway = told.length === 2;
      return true;
    },
  };
  const flow = createFlow({path: '/flow', number: 1, fromOffset: 0, consumer});
  const events = [1, 2, 3].map(offset => logOf(messageBytesMax - 1, offset));
  await t.throwsAsync(flow.consume(events), {message: /did not take/});
  isAway = false;
  await flow.consume(events);
  t.deepEqual(told, [1, 2, 3]);
});

test('a closed flow takes nothing over and tells nobody', async t => {
  let count = 0;
  const flow = createFlow({
    path: '/flow',
    number: 1,
    fromOffset: 0,
    consumer: callbackRef<FlowMessage>('/consumer', () => void (count += 1)),
  });
  flow.close();
  let isTaken = false;
  void flow.consume([logOf(10, 1)]).then(() => {
    isTaken = true;
  });
  await turn();
  t.deepEqual([count, isTaken], [0, false]);
});

test('whatever is lost on the way, the consumer gets each event once, in order, and long lines whole', async t => {
  const run = fc.asyncProperty(
    fc.array(fc.oneof(fc.integer({min: 0, max: 50}), fc.integer({min: 200_000, max: 900_000})), {
      minLength: 1,
      maxLength: 12,
    }),
    fc.array(fc.boolean(), {maxLength: 30}),
    async (sizes, losses) => {
      const events = sizes.map((bytes, index) => logOf(bytes, (index + 1) * 10));
      const taken: EngineEvent[] = [];
      const lost = [...losses];
      let flows = 0;
      let opened = 0;
      const inlet = createInlet({
        path: '/inlet',
        task: {taskID: 1, attempt: 1},
        fromOffset: 0,
        consume: async batch => void taken.push(...batch),
        clock: manualClock(),
        onNews() {},
        onGap: () => void (opened += 1),
        onConsumerFailed: () => t.fail(),
      });
      while (taken.length < events.length) {
        flows += 1;
        if (flows > 200) return false;
        const {flow: number, consumer, fromOffset} = inlet.open();
        const flow = createFlow({
          path: '/flow',
          number,
          fromOffset,
          consumer: {
            path: '',
            uid: 0,
            tell: message => (lost.shift() === true ? true : consumer.tell(message)),
          },
        });
        inlet.granted(number, flow.ref);
        const rest = events.filter(({offset}) => offset > fromOffset);
        flow.consume(rest).catch(() => undefined);
        for (let turns = 0; turns < 20; turns += 1) await turn();
        flow.close();
      }
      t.deepEqual(
        taken.map(({offset}) => offset),
        events.map(({offset}) => offset),
      );
      return taken.every((event, index) => {
        const expected = events[index];
        return (
          event.type === 'log' &&
          expected?.type === 'log' &&
          Buffer.compare(event.lines, expected.lines) === 0
        );
      });
    },
  );
  await fc.assert(run, {numRuns: 60});
});
