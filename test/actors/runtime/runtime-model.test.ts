/** Random stories of spawning, telling, asking, watching, crashing and stopping, checked against the naive model. */
import test, {type ExecutionContext} from 'ava';
import * as fc from 'fast-check';
import type {ActorContext, EffectOutcome, Machine} from '../../../actors/runtime/machine.ts';
import type {Ref} from '../../../actors/runtime/ref.ts';
import {gate, testSystem, turns, type Gate} from './harness.ts';
import {violations, type EffectKind, type ModelEffect, type TraceEvent} from './runtime-model.ts';

type StoryMessage = {
  /** `m` and the message's number, so that a dead letter says which message it was. */
  readonly type: string;
  readonly number: number;
  readonly control: boolean;
  readonly crash: boolean;
  readonly effects: readonly StoryEffect[];
  readonly watch?: number;
};

type StoryEffect = ModelEffect & {readonly target?: number; readonly replyTo?: Ref<string>};

type Step =
  | {
      readonly step: 'tell' | 'ask';
      readonly to: number;
      readonly control: boolean;
      readonly effects: readonly EffectKind[];
    }
  | {readonly step: 'crash' | 'stop'; readonly to: number}
  | {readonly step: 'watch'; readonly watcher: number; readonly target: number}
  | {readonly step: 'settle'; readonly pick: number; readonly how: 'ok' | 'drop' | 'reject'}
  | {readonly step: 'turns'; readonly count: number};

const actor = fc.nat({max: 12});

const effectKinds = fc.array(
  fc.oneof(
    {weight: 6, arbitrary: fc.constant<EffectKind>('sync')},
    {weight: 4, arbitrary: fc.constant<EffectKind>('slow')},
    {weight: 4, arbitrary: fc.constant<EffectKind>('spawn')},
    {weight: 1, arbitrary: fc.constant<EffectKind>('drop')},
    {weight: 1, arbitrary: fc.constant<EffectKind>('throw')},
    {weight: 1, arbitrary: fc.constant<EffectKind>('stopSelf')},
  ),
  {maxLength: 4},
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      step: fc.constant('tell' as const),
      to: actor,
      control: fc.boolean(),
      effects: effectKinds,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant('ask' as const),
      to: actor,
      control: fc.boolean(),
      effects: effectKinds,
    }),
  },
  {weight: 1, arbitrary: fc.record({step: fc.constantFrom('crash' as const, 'stop' as const), to: actor})},
  {weight: 2, arbitrary: fc.record({step: fc.constant('watch' as const), watcher: actor, target: actor})},
  {
    weight: 4,
    arbitrary: fc.record({
      step: fc.constant('settle' as const),
      pick: fc.nat(),
      how: fc.constantFrom('ok' as const, 'ok' as const, 'drop' as const, 'reject' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({step: fc.constant('turns' as const), count: fc.integer({min: 1, max: 3})}),
  },
);

type OpenEffect = {readonly actor: number; readonly effect: number; readonly write: Gate<EffectOutcome>};

/** Plays a story on the real runtime and returns what happened. */
async function play(t: ExecutionContext, story: readonly Step[], viaGroup: boolean) {
  const {system} = testSystem(t);
  const trace: TraceEvent[] = [];
  const refs: Ref<StoryMessage>[] = [];
  const open: OpenEffect[] = [];
  const asked: Promise<string>[] = [];
  let numbers = 0;
  const next = (): number => {
    numbers += 1;
    return numbers;
  };

  system.deadLetters.observe(({messageType}) => {
    // A notice that waits when its watcher stops is a dead letter too, but nobody told it.
    if (messageType.startsWith('m')) trace.push({event: 'dead', message: Number(messageType.slice(1))});
  });

  const perform = (
    id: number,
    effect: StoryEffect,
    context: ActorContext<StoryMessage>,
  ): EffectOutcome | Promise<EffectOutcome> => {
    trace.push({event: 'performed', actor: id, effect});
    switch (effect.kind) {
      case 'sync':
        return undefined;
      case 'drop':
        return 'drop';
      case 'throw':
        throw new Error('thrown by an effect');
      case 'stopSelf':
        trace.push({event: 'stopCalled', actor: id});
        context.stop(context.self);
        return undefined;
      case 'reply':
        effect.replyTo?.tell('answer');
        return undefined;
      case 'slow': {
        const write = gate<EffectOutcome>();
        open.push({actor: id, effect: effect.id, write});
        return write.promise;
      }
      case 'spawn':
        if (!context.signal.aborted) spawnActor(id, context.spawn);
        return undefined;
      case 'watch': {
        const target = refs[effect.target ?? 0];
        if (target === undefined || context.signal.aborted) return undefined;
        const watch = next();
        trace.push({event: 'watched', watch, watcher: id, target: effect.target ?? 0});
        const notice = {type: 'notice', number: -1, control: false, crash: false, effects: [], watch};
        context.watch(target, notice);
        return undefined;
      }
    }
  };

  const machineOf = (id: number): Machine<number, StoryMessage, StoryEffect> => ({
    initial: 0,
    decide(state, {number, effects, crash, watch}) {
      trace.push({event: 'decided', actor: id, message: number, effects, crash});
      if (watch !== undefined) trace.push({event: 'noticed', watch});
      if (crash) throw new Error('thrown by decide');
      return {state: state + 1, effects};
    },
    perform: (effect, context) => perform(id, effect, context),
    stopped: () => void trace.push({event: 'ended', actor: id}),
  });

  const spawnActor = (parent: number | undefined, spawn: ActorContext<StoryMessage>['spawn']): void => {
    const id = refs.length;
    trace.push({event: 'spawned', actor: id, parent});
    refs.push(
      spawn(`actor-${id}`, machineOf(id), {
        isControl: ({control}: StoryMessage) => control,
        onFailure: () => void trace.push({event: 'failed', actor: id}),
      }),
    );
  };

  const tell = (to: number, content: Omit<StoryMessage, 'type' | 'number'>): void => {
    const number = next();
    const id = to % refs.length;
    const message = {...content, type: `m${number}`, number};
    // Before the event loop can turn, so that being told comes before being handled; refusals count as dead at once.
    const index = trace.length;
    const accepted = refs[id]?.tell(message) === true;
    trace.splice(index, 0, {event: 'told', actor: id, message: number, control: content.control, accepted});
  };

  const settle = ({actor: id, effect, write}: OpenEffect, how: 'ok' | 'drop' | 'reject'): void => {
    // The queue hears of it a few micro-tasks later, but nothing else of the story can come between.
    trace.push({event: 'settled', actor: id, effect, how});
    if (how === 'reject') write.fail(new Error('rejected by an effect'));
    else write.open(how === 'drop' ? 'drop' : undefined);
  };

  const effectsOf = (kinds: readonly EffectKind[]): StoryEffect[] => kinds.map(kind => ({id: next(), kind}));

  const playStep = async (part: Step): Promise<void> => {
    switch (part.step) {
      case 'tell':
        tell(part.to, {control: part.control, crash: false, effects: effectsOf(part.effects)});
        return;
      case 'ask': {
        const target = refs[part.to % refs.length];
        if (target === undefined) return;
        const question = (replyTo: Ref<string>): StoryMessage => {
          const number = next();
          const effects = [...effectsOf(part.effects), {id: next(), kind: 'reply' as const, replyTo}];
          return {type: `q${number}`, number: -1, control: part.control, crash: false, effects};
        };
        asked.push(system.ask(target, question, 3_600_000).catch((error: Error) => error.name));
        return;
      }
      case 'crash':
        tell(part.to, {control: false, crash: true, effects: []});
        return;
      case 'stop': {
        const id = part.to % refs.length;
        const ref = refs[id];
        // Said first: what follows from it happens before the call returns.
        trace.push({event: 'stopCalled', actor: id});
        if (ref !== undefined) void system.stop(ref);
        return;
      }
      case 'watch': {
        const target = part.target % refs.length;
        const effects = [{id: next(), kind: 'watch' as const, target}];
        tell(part.watcher, {control: false, crash: false, effects});
        return;
      }
      case 'settle': {
        const [picked] = open.splice(part.pick % Math.max(1, open.length), 1);
        if (picked === undefined) return;
        settle(picked, part.how);
        await turns(1);
        return;
      }
      case 'turns':
        await turns(part.count);
    }
  };

  const root = viaGroup ? system.group('group').spawn : system.spawn;
  for (let actors = 0; actors < 3; actors += 1) spawnActor(undefined, root);
  for (const part of story) await playStep(part);

  const settleAll = async (): Promise<void> => {
    for (const effect of open.splice(0)) settle(effect, 'ok');
    await turns(2);
  };
  do await settleAll();
  while (open.length > 0);
  await turns(5);
  trace.push({event: 'quiet'});
  const shutdown = system.shutdown(30_000);
  for (let rounds = 0; system.metrics().actorsAlive > 0; rounds += 1) {
    if (rounds > 1000) throw new Error(`${system.metrics().actorsAlive} actors never stop.`);
    await settleAll();
  }
  await shutdown;
  return {trace, metrics: system.metrics(), answers: await Promise.all(asked)};
}

for (const viaGroup of [false, true]) {
  test(`whatever happens to actors below ${viaGroup ? 'a group' : 'the root'}, the runtime keeps its contract`, async t => {
    const stories = fc.array(step, {minLength: 1, maxLength: 60, size: 'max'});
    await fc.assert(
      fc.asyncProperty(stories, async story => {
        const {trace, metrics, answers} = await play(t, story, viaGroup);
        const broken = violations(trace);
        if (broken.length > 0) throw new Error(broken.join('\n'));
        if (metrics.actorsAlive !== 0 || metrics.asksOpen !== 0) throw new Error(JSON.stringify(metrics));
        if (answers.some(answer => answer !== 'answer' && answer !== 'DeadLetterError')) {
          throw new Error(`Unexpected answers: ${answers.join()}`);
        }
      }),
      {numRuns: 1000},
    );
    t.pass();
  });
}
