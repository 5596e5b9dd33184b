/**
 * Engines for the entrance of one node, on any node of the cluster: started where there is room, found again wherever
 * they are, taken over with the jobs of a dead neighbour.
 */
import {absentEngine} from './ecm-absent-engine.ts';
import type {AttachmentLog, AttachmentStart} from './ecm-attachment.ts';
import {openRemoteEngine, type RemoteEngine, type RemoteEngineWorld} from './ecm-engine-handle.ts';
import {NoEcmError, ReportedError, ecmFailure} from './ecm-errors.ts';
import {mayStartEngines} from './ecm-health.ts';
import {createEcmMap, type EcmPlace} from './ecm-map.ts';
import type {ResultSink} from './ecm-port.ts';
import {refusalCodes} from './ecm-refusals.ts';
import type {
  AttachReport,
  EcmCommand,
  EcmIdentity,
  EcmListing,
  EcmReply,
  EngineHolder,
  OwnerNotice,
} from './ecm-protocol.ts';
import {ecmKey} from './ecm-service-key.ts';
import {toFailure, type Failure} from './domain/errors.ts';
import type {EngineDriver, EngineHandle, EngineLaunch} from './ports.ts';
import {callbackRef, type CallbackRef} from './runtime/callback-ref.ts';
import type {Clock} from './runtime/clock.ts';
import type {Random} from './runtime/random.ts';
import type {Receptionist} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';
import {nextUid} from './runtime/uid.ts';

export type ClusterDriverDependencies = {
  readonly receptionist: Receptionist;
  /** This node. */
  readonly self: EcmIdentity;
  /** What jobs may ask for; ECMs that lack one refuse it. */
  readonly engineTypes: readonly string[];
  /** Writes results of other nodes' engines here. */
  readonly results: ResultSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly system: Pick<ActorSystem, 'ask'>;
  readonly log: AttachmentLog;
  /** How long an engine of a dead node is looked for elsewhere before it counts as lost. Default 15 s. */
  readonly engineSearchMs?: number;
  /** How often an engine that says nothing is asked whether something was lost. Default 5 s. */
  readonly checkEveryMs?: number;
};

/** What became of the engine that a taken-over row names. */
export type EngineSearch =
  /** It has that attempt, which is ours from now on: follow it. */
  | {readonly type: 'attached'; readonly handle: EngineHandle}
  /** It is there, never heard of that attempt, and will refuse it from now on. */
  | {readonly type: 'neverBegun'}
  /** Somebody with a later epoch owns the task. */
  | {readonly type: 'displaced'}
  /** No ECM that can be reached has it. */
  | {readonly type: 'notFound'};

export type ClusterEngineDriver = EngineDriver & {
  /** As `search`, with a handle that ends at once for an engine that never began the attempt. */
  readonly find: NonNullable<EngineDriver['find']>;
  /**
   * Takes over an engine with its task. Looks until it is found, at most `searchMs` (default `engineSearchMs`): the node that
   * had it may be about to come back, or a neighbour to adopt it. 0: one look.
   */
  readonly search: (
    engineId: string,
    taskID: number,
    attempt: number,
    epoch: number,
    searchMs?: number,
  ) => Promise<EngineSearch>;
  /** By the lease: engines that its ECM had are looked for elsewhere from now on. */
  readonly nodeGone: (incarnation: string) => void;
  /** Its handles fall silent; the engines are left as they are, for whoever takes their jobs over. */
  readonly close: () => void;
};

const engineSearchMsDefault = 15_000;
const checkEveryMsDefault = 5000;
const launchSlackMs = 3000;
const askMs = 15_000;
const searchEveryMs = 300;
const goneMax = 256;
/** How long an engine waits for room on ECMs that are there. */
const roomWaitMs = 600_000;
/** That there is no room is no fault of the job: it waits for some, as it does for its own node's. */
const noRoom: readonly number[] = [ecmFailure.full, refusalCodes.unfit, refusalCodes.overCommitted];
/** The mailbox or the link is full, the message can't cross, or the peer does not know it: nothing was done. */
const neverSent: readonly number[] = [20903, 20921, 20922, 20923];

export function clusterEngineDriver(dependencies: ClusterDriverDependencies): ClusterEngineDriver {
  const {receptionist, self, engineTypes, clock, random, system, log, results} = dependencies;
  const engineSearchMs = dependencies.engineSearchMs ?? engineSearchMsDefault;
  const checkEveryMs = dependencies.checkEveryMs ?? checkEveryMsDefault;
  const map = createEcmMap({receptionist, system, clock});
  /** With the ref that hears for each. */
  const handles = new Map<RemoteEngine, CallbackRef<OwnerNotice>>();
  let isClosed = false;
  let gone: readonly string[] = [];
  /** Launches under way by instance: listings do not count them yet. */
  const launching = new Map<string, number>();
  /** Engines that may have been started though nobody heard of it: they are ended when their ECM can be asked. */
  const unwanted = new Map<string, {readonly instance: string; readonly holder: EngineHolder}>();
  const world: RemoteEngineWorld = {
    self,
    map,
    results,
    system,
    clock,
    random,
    log,
    engineSearchMs,
    isGone: incarnation => gone.includes(incarnation),
  };

  const forget = receptionist.onChange(ecmKey, () => lookAll());
  let cancelCheck = clock.after(checkEveryMs, check);

  function lookAll(): void {
    for (const handle of handles.keys()) if (!handle.isOver()) handle.look();
  }

  function check(): void {
    for (const [handle, owner] of handles) {
      if (handle.isOver()) {
        owner.close();
        handles.delete(handle);
      } else handle.check();
    }
    for (const [engineId, {instance, holder}] of unwanted) void endUnwanted(engineId, instance, holder);
    cancelCheck = clock.after(checkEveryMs, check);
  }

  async function endUnwanted(engineId: string, instance: string, holder: EngineHolder): Promise<void> {
    const place = map.at(instance);
    if (place === undefined) return;
    const reply = await ask<void>(
      place,
      replyTo => ({type: 'shutdown', engineId, holder, graceMs: 0, replyTo}),
      askMs,
    ).catch(() => undefined);
    if (reply !== undefined) unwanted.delete(engineId);
  }

  const ask = <Value>(
    {ref}: EcmPlace,
    make: (replyTo: Ref<EcmReply<Value>>) => EcmCommand,
    timeoutMs: number,
  ): Promise<EcmReply<Value>> => system.ask<EcmCommand, EcmReply<Value>>(ref, make, timeoutMs);

  /** A holder that nobody had before; what its owner is told before there is a handle is kept for it. */
  function newOwner(engineId: string): {
    readonly holder: EngineHolder;
    readonly owner: CallbackRef<OwnerNotice>;
    readonly open: (start: Pick<AttachmentStart, 'place' | 'report'>) => EngineHandle;
  } {
    let handle: RemoteEngine | undefined;
    const early: OwnerNotice[] = [];
    const owner = callbackRef<OwnerNotice>(`/engines/${engineId}/owner`, notice => {
      if (handle === undefined) early.push(notice);
      else handle.notice(notice);
    });
    const holder = {incarnation: self.incarnation, grip: nextUid()};
    return {
      holder,
      owner,
      open(start) {
        const opened = openRemoteEngine(world, {holder, owner, ...start});
        handle = opened;
        handles.set(opened, owner);
        for (const notice of early) opened.notice(notice);
        return opened;
      },
    };
  }

  /** The failure, if that ECM will not start it. Rejects when it may have started it all the same. */
  async function launchAt(
    place: EcmPlace,
    launch: EngineLaunch,
    timeoutMs: number,
  ): Promise<{readonly handle: EngineHandle} | {readonly failure: Failure}> {
    const {engineId} = launch;
    const {instance} = place;
    const {holder, owner, open} = newOwner(engineId);
    let reply: EcmReply<AttachReport>;
    launching.set(instance, underWayAt(instance) + 1);
    try {
      reply = await ask<AttachReport>(
        place,
        replyTo => ({type: 'launch', engineId, launch, timeoutMs, holder, owner, replyTo}),
        timeoutMs + launchSlackMs,
      );
    } catch (error) {
      owner.close();
      const failure = toFailure(error);
      if (neverSent.includes(failure.code)) return {failure};
      unwanted.set(engineId, {instance, holder});
      throw new NoEcmError(engineId, `the ECM of ${instance} did not answer`);
    } finally {
      launching.set(instance, underWayAt(instance) - 1);
    }
    if (reply.ok) return {handle: open({place, report: reply.value})};
    owner.close();
    return {failure: reply.failure};
  }

  const underWayAt = (instance: string): number => launching.get(instance) ?? 0;

  /** Where there is most room; undefined if nowhere. */
  async function roomiest(engineType: string, tried: EcmPlace | undefined): Promise<EcmPlace | undefined> {
    const fit = (await map.listed())
      .filter(
        ({instance, listing}) => instance !== tried?.instance && listing.engineTypes.includes(engineType),
      )
      .map(ecm => ({...ecm, count: inUse(ecm.listing) + underWayAt(ecm.instance)}))
      .filter(({count, listing}) => count < listing.enginesMax && isFit(listing));
    const fewest = Math.min(...fit.map(({count}) => count));
    const best = fit.filter(({count}) => count === fewest);
    return best[Math.floor(random.next() * best.length)];
  }

  /** This node's own, or where there is most room; waits for one, which may be about to come back after a restart. */
  async function placeFor(engineType: string, limitMs: number): Promise<EcmPlace | undefined> {
    const endMs = clock.monotonicMs() + limitMs;
    for (;;) {
      const place = map.at(self.instance) ?? (await roomiest(engineType, undefined));
      if (place !== undefined) return place;
      const isFull = (await map.listed()).some(({listing}) => listing.engineTypes.includes(engineType));
      if (isClosed || clock.monotonicMs() + searchEveryMs > endMs + (isFull ? roomWaitMs : 0))
        return undefined;
      await pause();
    }
  }

  const pause = (): Promise<void> => new Promise(resolve => void clock.after(searchEveryMs, resolve));

  async function takeOver(
    place: EcmPlace,
    engineId: string,
    task: {readonly taskID: number; readonly attempt: number; readonly epoch: number},
  ): Promise<EngineSearch> {
    const {holder, owner, open} = newOwner(engineId);
    const reply = await ask<AttachReport>(
      place,
      replyTo => ({type: 'takeOver', engineId, task, holder, owner, replyTo}),
      askMs,
    ).catch(() => undefined);
    if (reply?.ok !== true) owner.close();
    if (reply === undefined) return {type: 'notFound'};
    if (reply.ok) return {type: 'attached', handle: open({place, report: reply.value})};
    if (reply.failure.code === ecmFailure.neverBegun) return {type: 'neverBegun'};
    return {type: reply.failure.code === ecmFailure.displaced ? 'displaced' : 'notFound'};
  }

  async function search(
    engineId: string,
    taskID: number,
    attempt: number,
    epoch: number,
    searchMs = engineSearchMs,
  ): Promise<EngineSearch> {
    const endMs = clock.monotonicMs() + searchMs;
    for (;;) {
      for (const place of await map.holding(engineId)) {
        const found = await takeOver(place, engineId, {taskID, attempt, epoch});
        if (found.type !== 'notFound') return found;
      }
      if (clock.monotonicMs() + searchEveryMs > endMs) return {type: 'notFound'};
      await pause();
    }
  }

  return {
    engineTypes,
    async launch(launch, timeoutMs) {
      const {engineId, engineType, ecm} = launch;
      if (ecm !== undefined) {
        // The manager has chosen; where that fails it is asked again, and knows better by then.
        const granted = map.at(ecm);
        if (granted === undefined) throw new NoEcmError(engineId, `the ECM of ${ecm} can not be reached`);
        const only = await launchAt(granted, launch, timeoutMs);
        if ('handle' in only) return only.handle;
        throw new ReportedError(only.failure);
      }
      const endMs = clock.monotonicMs() + roomWaitMs;
      for (;;) {
        const first = await placeFor(engineType, timeoutMs);
        if (first === undefined) throw new NoEcmError(engineId, 'no ECM with room for it can be reached');
        const one = await launchAt(first, launch, timeoutMs);
        if ('handle' in one) return one.handle;
        let {failure} = one;
        const second = await roomiest(engineType, first);
        if (second !== undefined) {
          log.debug({engineId, from: first.instance, to: second.instance, failure}, 'launched elsewhere');
          const other = await launchAt(second, launch, timeoutMs);
          if ('handle' in other) return other.handle;
          ({failure} = other);
        }
        if (!noRoom.includes(failure.code) || isClosed || clock.monotonicMs() > endMs) {
          throw new ReportedError(failure);
        }
        await pause();
      }
    },
    /** An ECM keeps its engines for whoever takes over their tasks: `find` is how. */
    adoptAll: async () => [],
    search,
    async find(engineId, taskID, attempt, epoch) {
      const found = await search(engineId, taskID, attempt, epoch);
      if (found.type === 'attached') return found.handle;
      return found.type === 'neverBegun' ? absentEngine(engineId, taskID, attempt, clock) : undefined;
    },
    nodeGone(incarnation) {
      gone = [...gone, incarnation].slice(-goneMax);
      lookAll();
    },
    close() {
      isClosed = true;
      forget();
      cancelCheck();
      for (const [handle, owner] of handles) {
        handle.close();
        owner.close();
      }
    },
  };
}

/** One that does not say is believed to be. */
const isFit = ({health = 'Healthy'}: EcmListing): boolean => mayStartEngines({health});

/** Idle ones without an owner make way for whoever needs room. */
const inUse = ({engineCount, engines}: EcmListing): number =>
  engineCount - engines.filter(({owner, task}) => owner === undefined && task === undefined).length;
