/**
 * What the ECM of a node is asked by whoever owns, or wants, one of its engines, on this node or another.
 *
 *     owner                           ECM
 *       launch, attach, takeOver ─▶        becomes the engine's owner: a holder, and a ref for notices
 *       execute, kill, confirm … ─▶        obeyed for the present holder only
 *       follow {consumer}        ─▶
 *                 consumer ◀─ pieces, events      at most `flowLimits.windowBytes` ahead of `taken`
 *                 taken    ─▶
 *                 owner    ◀─ exited, displaced
 *
 * Every command may be repeated: an answer that was lost and one that never left look the same to the asker.
 */
import type {ResultFile} from './ecm-port.ts';
import type {Failure} from './domain/errors.ts';
import type {
  EngineLogPage,
  EngineLogRequest,
  EngineMetrics,
  HostLoad,
  KillReceipt,
  NodeHealth,
  Resources,
} from './engine-governance.ts';
import type {EngineEvent, EngineLaunch, EngineTask} from './ports.ts';
import type {Ref} from './runtime/ref.ts';

/** One handle on an engine. The incarnation is that of the owner's node; `grip` tells its handles apart. */
export type EngineHolder = {readonly incarnation: string; readonly grip: number};

export type TaskKey = {readonly taskID: number; readonly attempt: number};
export type TaskClaim = TaskKey & {readonly epoch: number};

export type EcmIdentity = {readonly instance: string; readonly incarnation: string};

export type EngineEntry = {
  readonly engineId: string;
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  readonly pid: number;
  /** Not confirmed yet: it runs, or its end waits to be fetched. Absent: the engine is free. */
  readonly task?: TaskClaim;
  /** Incarnation of its owner's node; absent while nobody owns it. */
  readonly owner?: string;
  readonly tenant?: string;
  readonly version?: string;
  /** Epoch milliseconds. */
  readonly startedAt?: number;
  /** Given back when its process is gone. */
  readonly reserved?: Resources;
  /** Jobs it was given; of an adopted engine, since that. */
  readonly jobCount?: number;
  /** In a listing only. */
  readonly metrics?: EngineMetrics;
};

export type EcmListing = {
  readonly ecm: EcmIdentity;
  readonly engineTypes: readonly string[];
  /** Those being launched included. */
  readonly engineCount: number;
  readonly enginesMax: number;
  readonly engines: readonly EngineEntry[];
  /** What engines may have reserved together, and what they have, those being launched included. */
  readonly capacity?: Resources;
  readonly reserved?: Resources;
  readonly health?: NodeHealth;
  /** Why it is not `Healthy`; empty otherwise. */
  readonly healthReason?: string;
  readonly load?: HostLoad;
  /** Epoch milliseconds. */
  readonly startedAt?: number;
  /** As an administrator wrote it. */
  readonly description?: string;
};

/** Of one engine: what it may use, and what it does. */
export type EngineUsage = {
  readonly engineId: string;
  readonly reserved: Resources;
  /** Null before the first look at it. */
  readonly metrics: EngineMetrics | null;
};

export type FlowPosition = {readonly number: number; readonly sent: number};

/** What an owner learns when it attaches; it compares this with what it believes. */
export type AttachReport = {
  readonly ecm: EcmIdentity;
  readonly engine: EngineEntry;
  /** What is followed: number of the flow, how far it was sent, and whether that is all there will ever be. */
  readonly flow?: FlowPosition & {readonly isFinished: boolean};
  /** Set when the process is gone. */
  readonly exited?: string;
};

export type EcmReply<Value> =
  | {readonly ok: true; readonly value: Value}
  | {readonly ok: false; readonly failure: Failure};

type Asking<Value> = {readonly replyTo: Ref<EcmReply<Value>>};
type OfHolder = {readonly engineId: string; readonly holder: EngineHolder};

export type EcmCommand =
  | ({type: 'list'} & Asking<EcmListing>)
  | ({type: 'launch'; launch: EngineLaunch; timeoutMs: number; owner: Ref<OwnerNotice>} & OfHolder &
      Asking<AttachReport>)
  /** By who had it: after a lost link, or a restart of the ECM. `known` is the task it believes the engine to have. */
  | ({type: 'attach'; known?: TaskClaim; owner: Ref<OwnerNotice>} & OfHolder & Asking<AttachReport>)
  /** By the new owner of a task, with a higher epoch than the one before. */
  | ({type: 'takeOver'; task: TaskClaim; owner: Ref<OwnerNotice>} & OfHolder & Asking<AttachReport>)
  | ({type: 'execute'; task: EngineTask} & OfHolder & Asking<void>)
  | ({
      type: 'follow';
      task: TaskKey;
      fromOffset: number;
      flow: number;
      consumer: Ref<FlowMessage>;
    } & OfHolder &
      Asking<{readonly flow: Ref<TakenMessage>}>)
  | ({type: 'kill'; task: TaskKey; graceMs: number; why: 'killed' | 'timedOut'} & OfHolder & Asking<void>)
  | ({type: 'listResults'; task: TaskKey} & OfHolder & Asking<readonly ResultFile[]>)
  | ({type: 'readResult'; task: TaskKey; file: string; offset: number; bytesMax: number} & OfHolder &
      Asking<Uint8Array>)
  /** On the same node only: files are moved, not copied. */
  | ({type: 'publishResults'; task: TaskKey; directory: string} & OfHolder & Asking<number>)
  | ({type: 'confirm'; task: TaskKey} & OfHolder & Asking<void>)
  | ({type: 'shutdown'; graceMs: number} & OfHolder & Asking<void>)
  /** The holder wants nothing more of it; a busy engine waits for the next owner. */
  | ({type: 'release'} & OfHolder & Asking<void>)
  | EcmInspection;

/** By the manager or an administrator, whoever owns the engine. A `fence` is that of the manager, where one asks. */
export type EcmInspection =
  /** Ends it with its job: TERM, `graceMs`, KILL. Its owner learns of it as of any other end. */
  | ({
      type: 'terminateEngineConnection';
      engineId: string;
      graceMs: number;
      fence?: number;
    } & Asking<KillReceipt>)
  | ({type: 'getEngineMetrics'; engineId: string} & Asking<EngineMetrics>)
  /** Of one engine, or of all. */
  | ({type: 'reportEngineResourceUsage'; engineId?: string} & Asking<readonly EngineUsage[]>)
  | ({type: 'engineLog'; engineId: string; request: EngineLogRequest} & Asking<EngineLogPage>)
  /** `Healthy` takes back what was set before; what is measured counts all the same. */
  | ({type: 'setHealth'; health?: NodeHealth; description?: string} & Asking<void>);

export type OwnerNotice =
  /** `sent` is how far `flow` was sent when the process was gone; absent when nobody followed. */
  | {
      readonly type: 'exited';
      readonly engineId: string;
      readonly reason: string;
      readonly flow?: FlowPosition;
    }
  | {readonly type: 'displaced'; readonly engineId: string; readonly by: string};

export type FlowMessage =
  /** Lines of the next log event, which is too long for one message, from byte `at` of them on. */
  | {readonly type: 'piece'; readonly from: number; readonly at: number; readonly lines: Uint8Array}
  /**
   * `from` is the offset these follow on, `at` how many bytes of the first one's lines came in pieces before. Others than
   * expected mean that something was lost.
   */
  | {
      readonly type: 'events';
      readonly from: number;
      readonly at: number;
      readonly events: readonly EngineEvent[];
    };

/** Taken over by the consumer, up to this offset. */
export type TakenMessage = {readonly type: 'taken'; readonly offset: number};

export const flowLimits = {
  /** Lines in one message, so that a frame between nodes stays small. */
  messageBytesMax: 256 * 1024,
  messageEventsMax: 512,
  /** Sent and not taken yet. */
  windowBytes: 1024 * 1024,
  windowMessages: 64,
} as const;

export const resultBytesMax = 256 * 1024;
