/**
 * A naive model of the runtime: it reads what happened, event by event, and says what could not have happened. It knows
 * nothing of lanes' rings, turns, nact or promises.
 */
export type EffectKind = 'sync' | 'slow' | 'drop' | 'throw' | 'stopSelf' | 'reply' | 'spawn' | 'watch';

export type ModelEffect = {readonly id: number; readonly kind: EffectKind};

export type TraceEvent =
  | {readonly event: 'spawned'; readonly actor: number; readonly parent: number | undefined}
  | {
      readonly event: 'told';
      readonly actor: number;
      readonly message: number;
      readonly control: boolean;
      readonly accepted: boolean;
    }
  | {
      readonly event: 'decided';
      readonly actor: number;
      readonly message: number;
      readonly effects: readonly ModelEffect[];
      readonly crash: boolean;
    }
  | {readonly event: 'performed'; readonly actor: number; readonly effect: ModelEffect}
  | {
      readonly event: 'settled';
      readonly actor: number;
      readonly effect: number;
      readonly how: 'ok' | 'drop' | 'reject';
    }
  | {readonly event: 'stopCalled'; readonly actor: number}
  | {readonly event: 'ended'; readonly actor: number}
  | {readonly event: 'failed'; readonly actor: number}
  | {readonly event: 'dead'; readonly message: number}
  | {readonly event: 'watched'; readonly watch: number; readonly watcher: number; readonly target: number}
  | {readonly event: 'noticed'; readonly watch: number}
  | {readonly event: 'quiet'};

type ModelActor = {
  readonly parent: number | undefined;
  readonly waiting: {control: number[]; normal: number[]};
  effects: ModelEffect[];
  inFlight: number | undefined;
  stopping: boolean;
  ended: boolean;
  crashed: boolean;
  failures: number;
};

type ModelWatch = {readonly watcher: number; readonly target: number; notices: number};

/** Everything in `trace` that the contract forbids, as sentences. */
export function violations(trace: readonly TraceEvent[]): string[] {
  const found: string[] = [];
  const actors = new Map<number, ModelActor>();
  const watches = new Map<number, ModelWatch>();
  const unsettled = new Map<number, ModelActor>();
  const check = (holds: boolean, text: string): void => {
    if (!holds) found.push(text);
  };
  const actorOf = (id: number): ModelActor => {
    const actor = actors.get(id);
    if (actor === undefined) throw new Error(`No actor ${id}.`);
    return actor;
  };

  for (const entry of trace) {
    switch (entry.event) {
      case 'spawned':
        actors.set(entry.actor, {
          parent: entry.parent,
          waiting: {control: [], normal: []},
          effects: [],
          inFlight: undefined,
          stopping: false,
          ended: false,
          crashed: false,
          failures: 0,
        });
        break;
      case 'told': {
        const actor = actorOf(entry.actor);
        if (entry.accepted) actor.waiting[entry.control ? 'control' : 'normal'].push(entry.message);
        else
          check(
            actor.stopping || hasStoppingAncestor(actors, actor),
            `${entry.message} was refused by a live actor`,
          );
        unsettled.set(entry.message, actor);
        break;
      }
      case 'decided': {
        const {message} = entry;
        const actor = actorOf(entry.actor);
        const lane = actor.waiting.control.length > 0 ? actor.waiting.control : actor.waiting.normal;
        check(!actor.stopping, `${message} was handled after the stop of ${entry.actor}`);
        if (message >= 0) {
          check(lane.shift() === message, `${message} was handled out of turn by ${entry.actor}`);
          check(unsettled.delete(message), `${message} was handled after it was a dead letter, or twice`);
        }
        if (entry.crash) crash(actor);
        else actor.effects.push(...entry.effects);
        break;
      }
      case 'performed': {
        const {kind, id} = entry.effect;
        const actor = actorOf(entry.actor);
        check(!actor.ended, `effect ${id} ran after the end of ${entry.actor}`);
        check(actor.inFlight === undefined, `effect ${id} ran beside ${actor.inFlight}`);
        check(actor.effects.shift()?.id === id, `effect ${id} ran out of order, or had been dropped`);
        if (kind === 'slow') actor.inFlight = id;
        if (kind === 'drop') actor.effects = [];
        if (kind === 'throw') crash(actor);
        break;
      }
      case 'settled': {
        const actor = actorOf(entry.actor);
        actor.inFlight = undefined;
        if (entry.how === 'drop') actor.effects = [];
        if (entry.how === 'reject') crash(actor);
        break;
      }
      case 'stopCalled':
        actorOf(entry.actor).stopping = true;
        break;
      case 'ended': {
        const actor = actorOf(entry.actor);
        check(!actor.ended, `${entry.actor} ended twice`);
        check(actor.effects.length === 0, `${entry.actor} ended before effect ${actor.effects[0]?.id} ran`);
        check(actor.inFlight === undefined, `${entry.actor} ended with ${actor.inFlight} in flight`);
        for (const [id, child] of actors) {
          if (child.parent === entry.actor) check(child.ended, `${entry.actor} ended before its child ${id}`);
        }
        actor.ended = true;
        actor.stopping = true;
        break;
      }
      case 'failed': {
        const actor = actorOf(entry.actor);
        actor.failures += 1;
        check(actor.ended, `the failure of ${entry.actor} was reported before it had stopped`);
        break;
      }
      case 'dead':
        check(
          unsettled.delete(entry.message),
          `${entry.message} was a dead letter twice, or after it was handled`,
        );
        break;
      case 'watched':
        watches.set(entry.watch, {watcher: entry.watcher, target: entry.target, notices: 0});
        break;
      case 'noticed': {
        const watch = watches.get(entry.watch);
        if (watch === undefined) break;
        watch.notices += 1;
        check(watch.notices === 1, `watch ${entry.watch} fired twice`);
        check(actorOf(watch.target).ended, `watch ${entry.watch} fired before ${watch.target} had stopped`);
        break;
      }
      case 'quiet':
        for (const [id, {watcher, target, notices}] of watches) {
          if (actorOf(watcher).ended || !actorOf(target).ended) continue;
          check(notices === 1, `watch ${id} of ${target} was never told to ${watcher}`);
        }
        break;
    }
  }
  for (const [id, actor] of actors) {
    check(actor.ended, `${id} never ended`);
    check(actor.failures === (actor.crashed ? 1 : 0), `${actor.failures} failures of ${id} were reported`);
  }
  for (const message of unsettled.keys()) found.push(`${message} was neither handled nor a dead letter`);
  return found;
}

function crash(actor: ModelActor): void {
  actor.crashed = true;
  actor.stopping = true;
  actor.effects = [];
}

function hasStoppingAncestor(actors: ReadonlyMap<number, ModelActor>, actor: ModelActor): boolean {
  const parent = actor.parent === undefined ? undefined : actors.get(actor.parent);
  return parent !== undefined && (parent.stopping || hasStoppingAncestor(actors, parent));
}
