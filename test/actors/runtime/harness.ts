/** What the runtime's tests share: a system that ends with its test, a log that collects, and machines from handlers. */
import type {ExecutionContext} from 'ava';
import {systemClock, type Clock} from '../../../actors/runtime/clock.ts';
import type {ActorContext, EffectOutcome, Machine} from '../../../actors/runtime/machine.ts';
import {seededRandom} from '../../../actors/runtime/random.ts';
import {startActorSystem, type ActorSystem} from '../../../actors/runtime/system.ts';

export type LogLine = {readonly level: 'warn' | 'error'; readonly fields: object; readonly text: string};

export type TestSystem = {readonly system: ActorSystem; readonly log: LogLine[]};

export function testSystem(
  t: ExecutionContext,
  {clock = systemClock, mailboxMax}: {clock?: Clock; mailboxMax?: number} = {},
): TestSystem {
  const log: LogLine[] = [];
  const system = startActorSystem({
    name: 'test',
    clock,
    random: seededRandom(1),
    log: {
      warn: (fields, text) => log.push({level: 'warn', fields, text}),
      error: (fields, text) => log.push({level: 'error', fields, text}),
    },
    ...(mailboxMax === undefined ? {} : {mailboxMax}),
  });
  t.teardown(() => system.shutdown(1000));
  return {system, log};
}

/** A machine whose only effect is to hand each message to `handle`; its state counts them. */
export function handler<Message>(
  handle: (message: Message, context: ActorContext<Message>) => EffectOutcome | Promise<EffectOutcome>,
  stopped?: () => void | Promise<void>,
): Machine<number, Message, Message> {
  return {
    initial: 0,
    decide: (state, message) => ({state: state + 1, effects: [message]}),
    perform: handle,
    ...(stopped === undefined ? {} : {stopped}),
  };
}

/** A machine whose state is the list of its messages, shown to `seen`. */
export function collector<Message>(seen: Message[]): Machine<undefined, Message, Message> {
  return {
    initial: undefined,
    decide(state, message) {
      seen.push(message);
      return {state, effects: []};
    },
    perform() {},
  };
}

/** A promise and what settles it. */
export type Gate<Value = void> = {
  readonly promise: Promise<Value>;
  readonly open: (value: Value) => void;
  readonly fail: (error: Error) => void;
};

export function gate<Value = void>(): Gate<Value> {
  const {promise, resolve, reject} = Promise.withResolvers<Value>();
  return {promise, open: resolve, fail: reject};
}

/** Lets the event loop turn `count` times: enough turns make everything that is not held back happen. */
export async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) {
    await new Promise<void>(resolve => {
      setImmediate(resolve);
    });
  }
}
