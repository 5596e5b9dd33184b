/**
 * Whose engine it is: the rules by which one that an ECM holds gets, keeps and changes its owner. Pure.
 *
 * Epochs belong to a task, not to an engine: those of two tasks are never compared. Who is out of date learns it here, and
 * again at the engine, which refuses lower epochs by itself.
 */
import {
  EngineBetweenTasksError,
  EngineDisplacedError,
  NeverBegunError,
  NotAttachedError,
} from './ecm-errors.ts';
import type {EngineOrigin, LocalEngine} from './ecm-port.ts';
import type {EngineEntry, EngineHolder, OwnerNotice, TaskClaim, TaskKey} from './ecm-protocol.ts';
import type {LinkisError} from './domain/errors.ts';
import type {Resources} from './engine-governance.ts';
import type {Ref} from './runtime/ref.ts';

export type EngineOwner = {readonly holder: EngineHolder; readonly ref: Ref<OwnerNotice>};

export type HeldEngine = {
  readonly handle: LocalEngine;
  /** Not confirmed yet. */
  readonly task?: TaskClaim;
  /**
   * Given to it before the confirmation of the task before was through: its own as soon as that is, unless it refuses it.
   */
  readonly nextTask?: TaskClaim;
  readonly owner?: EngineOwner;
  /** Attempts that a new owner found never begun: an order of the former owner that comes too late is refused. */
  readonly barred: readonly TaskClaim[];
  /** Why its process is gone. */
  readonly exited?: string;
  /** What it was started with, as far as that is known. */
  readonly origin?: EngineOrigin;
  /** Tasks that were confirmed since it is held here. */
  readonly confirmed?: number;
};

const barredMax = 32;

export type Grip =
  | {
      readonly type: 'granted';
      readonly engine: HeldEngine;
      readonly displaced?: EngineOwner;
      /** The engine itself has to hear of the new epoch. */
      readonly raised?: TaskClaim;
    }
  | {readonly type: 'refused'; readonly engine: HeldEngine; readonly error: LinkisError};

/** By a handle that had it before. `known`: the task that it believes the engine to have. */
export function attach(engine: HeldEngine, owner: EngineOwner, known: TaskClaim | undefined): Grip {
  const {task} = engine;
  if (engine.owner !== undefined && !isSameHolder(engine.owner.holder, owner.holder)) {
    return refuse(engine, displacedBy(engine, engine.owner.holder.incarnation));
  }
  if (task !== undefined && engine.owner === undefined && !isSameTask(task, known)) {
    return refuse(engine, displacedBy(engine, `whoever owns job ${task.taskID}`));
  }
  if (task === undefined || known === undefined || !isSameTask(task, known) || known.epoch === task.epoch) {
    return {type: 'granted', engine: {...engine, owner}};
  }
  if (known.epoch < task.epoch) return refuse(engine, displacedBy(engine, `epoch ${task.epoch}`));
  return {type: 'granted', engine: {...engine, owner, task: known}, raised: known};
}

/** By the new owner of a task. */
export function takeOver(engine: HeldEngine, owner: EngineOwner, wanted: TaskClaim): Grip {
  const {task} = engine;
  // Whether it has that task shows in a moment.
  if (isSameTask(wanted, engine.nextTask)) {
    return refuse(engine, new EngineBetweenTasksError(engine.handle.engineId, wanted.taskID));
  }
  if (task === undefined || !isSameTask(task, wanted)) {
    return refuse(
      barred(engine, wanted),
      new NeverBegunError(engine.handle.engineId, wanted.taskID, wanted.attempt),
    );
  }
  const isOurs = engine.owner === undefined || engine.owner.holder.incarnation === owner.holder.incarnation;
  if (wanted.epoch < task.epoch || (wanted.epoch === task.epoch && !isOurs)) {
    return refuse(engine, displacedBy(engine, `epoch ${task.epoch}, not ${wanted.epoch}`));
  }
  const granted = {type: 'granted', engine: {...engine, owner, task: wanted}} as const;
  return {
    ...granted,
    ...(engine.owner === undefined || isSameHolder(engine.owner.holder, owner.holder)
      ? {}
      : {displaced: engine.owner}),
    ...(wanted.epoch > task.epoch ? {raised: wanted} : {}),
  };
}

/** It refuses that attempt from a former owner from now on. */
export const barred = (engine: HeldEngine, task: TaskClaim): HeldEngine => ({
  ...engine,
  barred: [...engine.barred.filter(other => !isSameTask(other, task)), task].slice(-barredMax),
});

/** Why `holder` may not use the engine; undefined if it may. */
export function refusalOf(engine: HeldEngine, holder: EngineHolder): LinkisError | undefined {
  if (engine.owner === undefined) return new NotAttachedError(engine.handle.engineId);
  return isSameHolder(engine.owner.holder, holder)
    ? undefined
    : displacedBy(engine, engine.owner.holder.incarnation);
}

/** Why the engine may not be given that task any more; undefined if it may. */
export function barOf(engine: HeldEngine, task: TaskClaim): LinkisError | undefined {
  const bar = engine.barred.find(other => isSameTask(other, task) && other.epoch > task.epoch);
  return bar === undefined ? undefined : displacedBy(engine, `epoch ${bar.epoch}, not ${task.epoch}`);
}

export const isSameTask = (one: TaskKey, other: TaskKey | undefined): boolean =>
  one.taskID === other?.taskID && one.attempt === other.attempt;

export const isSameHolder = (one: EngineHolder, other: EngineHolder): boolean =>
  one.incarnation === other.incarnation && one.grip === other.grip;

/** One engine, whether somebody said what it needs or not. */
export const reservedOf = ({origin}: Pick<HeldEngine, 'origin'>): Resources => ({
  memoryBytes: origin?.reserved?.memoryBytes ?? 0,
  cores: origin?.reserved?.cores ?? 0,
  instances: 1,
});

export function entryOf(engine: HeldEngine): EngineEntry {
  const {handle, task, nextTask, owner, origin, confirmed = 0} = engine;
  const {engineId, engineType, user, creator, pid} = handle;
  const {tenant, version, startedAt} = origin ?? {};
  return {
    engineId,
    engineType,
    user,
    creator,
    pid,
    ...(task === undefined ? {} : {task}),
    ...(owner === undefined ? {} : {owner: owner.holder.incarnation}),
    ...(tenant === undefined ? {} : {tenant}),
    ...(version === undefined ? {} : {version}),
    ...(startedAt === undefined ? {} : {startedAt}),
    reserved: reservedOf(engine),
    jobCount: confirmed + Number(task !== undefined) + Number(nextTask !== undefined),
  };
}

const displacedBy = ({handle}: HeldEngine, whom: string): LinkisError =>
  new EngineDisplacedError(handle.engineId, whom);

const refuse = (engine: HeldEngine, error: LinkisError): Grip => ({type: 'refused', engine, error});
