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
};

export type EcmListing = {
  readonly ecm: EcmIdentity;
  readonly engineTypes: readonly string[];
  /** Those being launched included. */
  readonly engineCount: number;
  readonly enginesMax: number;
  readonly engines: readonly EngineEntry[];
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
  | ({type: 'release'} & OfHolder & Asking<void>);

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
