/** What the runtime's tests share: a system that ends with its test, a log that collects, and machines from handlers. */
import {createRequire} from 'node:module';
import type {ExecutionContext} from 'ava';
import type {Clock} from '../../../actors/runtime/clock.ts';
import type {ActorContext, EffectOutcome, Machine} from '../../../actors/runtime/machine.ts';
import {seededRandom} from '../../../actors/runtime/random.ts';
import {startActorSystem, type ActorSystem} from '../../../actors/runtime/system.ts';
import {nextUid} from '../../../actors/runtime/uid.ts';
import {manualClock} from '../../support/manual-clock.ts';

export type LogLine = {readonly level: 'warn' | 'error'; readonly fields: object; readonly text: string};

/** A node of nact's own tree, which tests may look at. */
export type NactNode = {readonly children: ReadonlyMap<string, NactNode>};

const nactSystems = createRequire(import.meta.url)('nact/lib/system-map.js') as {
  readonly find: (name: string) => NactNode | undefined;
};

export type TestSystem = {
  readonly system: ActorSystem;
  readonly log: LogLine[];
  readonly nactSystem: NactNode;
};

/** Its clock stands still unless one is given, so that no turn ends early because the machine is busy. */
export function testSystem(
  t: ExecutionContext,
  {clock = manualClock(), mailboxMax}: {clock?: Clock; mailboxMax?: number} = {},
): TestSystem {
  const log: LogLine[] = [];
  const uidBefore = nextUid();
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
  t.teardown(async () => {
    const shutdown = system.shutdown(1000);
    await turns(5);
    // What a test left hanging is abandoned.
    if ('advance' in clock && typeof clock.advance === 'function') clock.advance(1000);
    await shutdown;
  });
  // Its name ends in a number that was drawn at the start.
  const numbers = Array.from({length: nextUid() - uidBefore}, (_, index) => uidBefore + index);
  const [nactSystem] = numbers.flatMap(number => nactSystems.find(`test-${number}`) ?? []);
  if (nactSystem === undefined) throw new Error("nact's system was not found.");
  return {system, log, nactSystem};
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
