/** What the ECM of a node is told beyond its protocol, what it knows and what it does, as types; `ecm-state.ts` decides. */
import type {EngineOwner, HeldEngine} from './ecm-engine.ts';
import type {EcmHealth, HealthLimits} from './ecm-health.ts';
import type {HostSample, LocalEngine} from './ecm-port.ts';
import type {
  EcmCommand,
  EcmIdentity,
  EcmInspection,
  EcmReply,
  OwnerNotice,
  TaskClaim,
  TaskKey,
} from './ecm-protocol.ts';
import type {Failure} from './domain/errors.ts';
import type {Ref} from './runtime/ref.ts';

/** From the wiring of its own node only. */
export type EcmOrder =
  /** Engines that earlier processes of this node left. Until it is over, commands are answered with 20954. */
  | {type: 'adoptOwn'; dead?: readonly string[]; replyTo?: Ref<EcmReply<number>>}
  /** Of a node of this host that is dead by its lease; `dead` are incarnations whose claims count no more. */
  | {type: 'adoptFrom'; directory: string; dead: readonly string[]; replyTo?: Ref<EcmReply<number>>}
  /** The lease says that no process of that incarnation may act any more. */
  | {type: 'ownerGone'; incarnation: string}
  /** The job store knows no unfinished job for it: whatever is left of it goes. */
  | {type: 'taskUnknown'; task: TaskKey}
  /** `atMs`: monotonic. */
  | {type: 'measured'; load: HostSample; atMs: number}
  /** Ends idle engines, lets go of busy ones; answers with the ids of those left at work. */
  | {type: 'leave'; replyTo: Ref<readonly string[]>};

export type EcmReport =
  | {type: 'adopted'; engines: readonly LocalEngine[]; order: AdoptOrder}
  | {type: 'adoptFailed'; failure: Failure; order: AdoptOrder}
  | {type: 'launched'; engineId: string; engine: LocalEngine}
  | {type: 'launchFailed'; engineId: string; failure: Failure}
  | {type: 'executeRefused'; handle: LocalEngine; task: TaskKey}
  | {type: 'confirmed'; handle: LocalEngine; task: TaskKey}
  /** It was given the task by an owner who has died since, and does not have it. */
  | {type: 'neverBegun'; handle: LocalEngine; task: TaskClaim}
  | {type: 'exited'; handle: LocalEngine; reason: string}
  /** Another process has it. */
  | {type: 'lost'; handle: LocalEngine}
  | {type: 'orphanDue'; engineId: string};

export type EcmMessage = EcmCommand | EcmOrder | EcmReport;

export type AdoptOrder = Extract<EcmOrder, {type: 'adoptOwn' | 'adoptFrom'}>;
export type LaunchCommand = Extract<EcmCommand, {type: 'launch'}>;
export type UseCommand = Exclude<
  EcmCommand,
  EcmInspection | {type: 'list' | 'launch' | 'attach' | 'takeOver' | 'release'}
>;
export type TerminateCommand = Extract<EcmInspection, {type: 'terminateEngineConnection'}>;
export type AttachCommand = Extract<EcmCommand, {type: 'launch' | 'attach' | 'takeOver'}>;

export type Launching = {
  readonly command: LaunchCommand;
  readonly waiting: readonly LaunchCommand['replyTo'][];
  /** Whoever wanted it is gone. */
  readonly isUnwanted: boolean;
  /** To be ended as soon as it is there. */
  readonly terminations?: readonly TerminateCommand[];
};

export type EcmState = {
  readonly settings: EcmSettings;
  readonly phase: 'starting' | 'ready' | 'leaving';
  readonly engines: ReadonlyMap<string, HeldEngine>;
  readonly launching: ReadonlyMap<string, Launching>;
  /** Why engines of late are gone, for owners who missed the notice. */
  readonly gone: ReadonlyMap<string, string>;
  /** Incarnations that may own nothing any more, the latest last. */
  readonly dead: readonly string[];
  readonly health: EcmHealth;
  /** The highest of a manager that was seen. */
  readonly fence: number;
  readonly description: string;
};

export type EcmSettings = {
  readonly self: EcmIdentity;
  readonly engineTypes: readonly string[];
  readonly enginesMax: number;
  /** How long an idle engine waits for an owner, and how long a busy one may go on without one. */
  readonly orphanIdleMs: number;
  readonly orphanBusyMs: number;
  readonly shutdownGraceMs: number;
  /** Without them memory and cores are not limited, and the host counts as fit. */
  readonly limits?: EcmLimits;
  /** Epoch milliseconds. */
  readonly startedAt?: number;
};

/** `memoryBytesMax` 0: by the host. */
export type EcmLimits = HealthLimits & {readonly memoryBytesMax: number; readonly coresMax: number};

type InspectedType = 'getEngineMetrics' | 'reportEngineResourceUsage';

export type EcmEffect =
  | {type: 'answer'; to: Ref<EcmReply<never>>; failure: Failure}
  | {type: 'done'; to: Ref<EcmReply<void>>}
  | {type: 'list'; state: EcmState; to: Extract<EcmCommand, {type: 'list'}>['replyTo']}
  | {type: 'launch'; command: LaunchCommand}
  | {type: 'report'; engine: HeldEngine; to: readonly AttachCommand['replyTo'][]; raised?: TaskClaim}
  /** `isNoted`: the task of an `execute` counts as the engine's because of this command. */
  | {type: 'use'; engine: HeldEngine; command: UseCommand; isNoted: boolean}
  /** The notice of an exit waits for the flow; see `tellExit`. */
  | {type: 'tellExit'; engine: HeldEngine; reason: string}
  | {type: 'tellOwner'; owner: EngineOwner; notice: OwnerNotice}
  /** Nobody follows any more, and the task goes on. */
  | {type: 'closeFlow'; engine: HeldEngine}
  /** There is nothing more to follow. */
  | {type: 'dropFlow'; engineId: string}
  | {type: 'watch'; handle: LocalEngine}
  | {type: 'adopt'; order: AdoptOrder}
  | {type: 'adopted'; order: AdoptOrder; count: number}
  | {type: 'orphanTimer'; engineId: string; afterMs: number}
  | {type: 'cancelOrphanTimer'; engineId: string}
  | {type: 'timeOut'; handle: LocalEngine; task: TaskKey}
  | {type: 'terminate'; engine: HeldEngine; command: TerminateCommand}
  | {type: 'inspect'; engines: readonly HeldEngine[]; command: Extract<EcmInspection, {type: InspectedType}>}
  /** `absent`: what to say when nothing is left of the engine. */
  | {type: 'readLog'; command: Extract<EcmInspection, {type: 'engineLog'}>; absent: Failure}
  | {type: 'tellHealth'; health: EcmHealth}
  /** Ends the process, and confirms the task. */
  | {type: 'end'; handle: LocalEngine; task?: TaskKey}
  | {type: 'leave'; idle: readonly LocalEngine[]; busy: readonly LocalEngine[]; to: Ref<readonly string[]>};
