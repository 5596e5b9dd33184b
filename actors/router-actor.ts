/**
 * The router actor, and how the rest of a node has it: performs what `router-machine.ts` decides, and keeps the published
 * snapshot for callers in the same process.
 */
import {LinkisError, toFailure, type Failure} from './domain/errors.ts';
import type {InstanceLabelStore} from './instance-label.ts';
import {emptySnapshot, type MemberView, type RouteSnapshot} from './route-snapshot.ts';
import {
  decideRouter,
  initialRouter,
  type LabelsRead,
  type LabelsRefreshed,
  type RouteAnswer,
  type RouterCommand,
  type RouterEffect,
  type RouterMessage,
  type RouterOptions,
  type RouterReport,
  type RouterState,
} from './router-machine.ts';
import {explain, resolve, type Resolution, type RoutePreview, type RouteRequest} from './router.ts';
import type {Machine} from './runtime/machine.ts';
import type {Random} from './runtime/random.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

export type Router = {
  readonly ref: Ref<RouterCommand>;
  /** As published last; never waits. */
  readonly current: () => RouteSnapshot;
  /** From `current()`. Throws `RouteNotFoundError`, `NoUnlabelledInstanceError`, `RouterNotReadyError`. */
  readonly resolve: (request: RouteRequest) => Resolution;
  readonly explain: (request: RouteRequest) => RoutePreview;
  /** All members, whenever one changed. False: the actor has stopped, or is about to be started again. */
  readonly setMembers: (members: readonly MemberView[]) => boolean;
  /** Resolves when labels as they are now are in force here. Rejects with `LabelsNotReadError`. */
  readonly refresh: () => Promise<void>;
};

export type RouterDependencies = {
  readonly system: Pick<ActorSystem, 'spawn' | 'ask' | 'clock'>;
  readonly store: Pick<InstanceLabelStore, 'version' | 'instances'>;
  readonly random: Random;
  /** Told of each new snapshot, after `current` has it. What it throws restarts the actor. */
  readonly onChange?: (snapshot: RouteSnapshot) => void;
  /** The labels can't be read (told once until they can be again), or the actor crashed and is started anew. */
  readonly onFailure?: (failure: Failure) => void;
  /** Default 500 ms: with the read itself a change is effective everywhere within a second. */
  readonly pollMs?: number;
  readonly refreshTimeoutMs?: number;
  /** See `SnapshotOptions`. */
  readonly preferredInstance?: string;
};

const pollMsDefault = 500;
const refreshTimeoutMsDefault = 10_000;
const restartMs = 1000;

/** The change is stored, or may be; only this node could not look yet. Each node takes it over at its next poll. */
export class LabelsNotReadError extends LinkisError {
  override readonly name = 'LabelsNotReadError';
  readonly code = 20936;
  override readonly retryable = true;

  constructor(why: string) {
    super(`The labels could not be read again: ${why} They take effect as soon as they can be.`);
  }
}

/** Chooses nobody before the first `setMembers`. */
export function startRouter(dependencies: RouterDependencies): Router {
  const {system, store, random, onChange, onFailure, preferredInstance} = dependencies;
  const {pollMs = pollMsDefault, refreshTimeoutMs = refreshTimeoutMsDefault} = dependencies;
  let current = emptySnapshot;
  let members: readonly MemberView[] = [];

  const machine = routerMachine(
    {
      store,
      random,
      pollMs,
      publish(snapshot) {
        current = snapshot;
        onChange?.(snapshot);
      },
      onFailure: failure => onFailure?.(failure),
    },
    {preferredInstance},
  );
  /** Whoever resolves meanwhile has the last snapshot; a successor is told everything that is not in the database. */
  const start = (): Ref<RouterMessage> =>
    system.spawn('router', machine, {
      onFailure({error}) {
        onFailure?.(toFailure(error));
        system.clock.after(restartMs, () => {
          actor = start();
          actor.tell({type: 'membersChanged', members});
        });
      },
    });
  let actor = start();
  const ref: Ref<RouterCommand> = {path: actor.path, uid: actor.uid, tell: message => actor.tell(message)};

  return {
    ref,
    current: () => current,
    resolve: request => resolve(current, request, random),
    explain: request => explain(current, request),
    setMembers(all) {
      members = all;
      return ref.tell({type: 'membersChanged', members});
    },
    async refresh() {
      const outcome = await system.ask<RouterMessage, LabelsRefreshed>(
        actor,
        replyTo => ({type: 'labelsChanged', replyTo}),
        refreshTimeoutMs,
      );
      if (outcome.type === 'notRefreshed') throw new LabelsNotReadError(outcome.failure.message);
    },
  };
}

type RouterPorts = {
  readonly store: Pick<InstanceLabelStore, 'version' | 'instances'>;
  readonly random: Random;
  /** Between the end of a read and the next one. */
  readonly pollMs: number;
  readonly publish: (snapshot: RouteSnapshot) => void;
  /** The labels can't be read; told once until they can be again. */
  readonly onFailure: (failure: Failure) => void;
};

/** Reads first when it is told of members, or of labels. */
function routerMachine(
  ports: RouterPorts,
  options: RouterOptions = {},
): Machine<RouterState, RouterMessage, RouterEffect> {
  const {store, random, pollMs, publish, onFailure} = ports;

  async function readLabels(known: string | undefined): Promise<LabelsRead> {
    // Asked first: what changes in between makes the next poll read once more, and is never missed.
    const version = await store.version();
    return {version, rows: version === known ? undefined : await store.instances()};
  }

  return {
    initial: initialRouter,
    decide: (state, message) => decideRouter(options, state, message),
    perform(effect, {self, signal, setTimer}) {
      switch (effect.type) {
        case 'publish':
          publish(effect.snapshot);
          return;
        case 'read':
          // Answers with a message: a database that hangs must not hold back who asks for a route.
          void readLabels(effect.version)
            .then(
              (found): RouterReport => ({type: 'labelsRead', ...found}),
              (error: unknown): RouterReport => ({type: 'readFailed', failure: toFailure(error)}),
            )
            .then(report => signal.aborted || self.tell(report));
          return;
        case 'pollLater':
          // Earlier by chance, never later: nodes that came up together do not ask together for ever.
          setTimer('poll', pollMs * (1 - pollJitter * random.next()), {type: 'pollDue'});
          return;
        case 'tell':
          for (const asker of effect.askers) asker.tell(effect.answer);
          return;
        case 'report':
          onFailure(effect.failure);
          return;
        case 'answer':
          effect.replyTo.tell(answerOf(effect.snapshot, effect.request, random));
          return;
      }
    },
  };
}

const pollJitter = 0.2;

function answerOf(snapshot: RouteSnapshot, request: RouteRequest, random: Random): RouteAnswer {
  try {
    return {type: 'resolved', ...resolve(snapshot, request, random)};
  } catch (error) {
    return {type: 'refused', failure: toFailure(error)};
  }
}
