/**
 * What entrances and the manager say to each other: the service `manager`.
 *
 *   entrance ── statement: of each key, engines wanted, idle, grants and recalls taken ──▶ manager
 *            ◀── grant: start this engine there;  recall: give one back;  waits: why there is none yet
 *
 * An entrance states what is the case, and says it again from time to time; the manager acts on the difference. So a statement
 * that is lost, repeated or late does no harm, and a new manager knows within one round what its predecessor knew. Grants and
 * recalls are counted on both sides: what the manager has issued and the entrance has not taken yet is under way.
 */
import type {Failure} from './domain/errors.ts';
import type {Gate, GateName} from './gate.ts';
import type {Reply} from './remote-call.ts';
import type {EngineKey} from './engine-key.ts';
import type {HostLoad, NodeHealth, Resources} from './engine-governance.ts';
import type {Ref} from './runtime/ref.ts';

export type KeyStatement = {
  readonly key: EngineKey;
  /** Counts from 0 begin with it: an entrance forgets a key that nobody uses, and may need it again. */
  readonly life: number;
  /** Engines that its waiting jobs lack, beyond those that are starting. */
  readonly wanted: number;
  /** Since when the oldest of these jobs waits, epoch milliseconds; 0: no job does, engines are to be kept warm. */
  readonly sinceMs: number;
  /** Grants and recalls of this key that were taken from the manager with this fence. */
  readonly grantsTaken: number;
  readonly recallsTaken: number;
  /** Engines that nobody uses. */
  readonly idle: number;
  /** Engines that are about to end, or will with their job. */
  readonly ending: number;
};

export type GroupLoad = {
  readonly user: string;
  readonly creator: string;
  readonly engineType: string;
  readonly tenant?: string;
  readonly running: number;
  readonly queued: number;
};

export type Statement = {
  /** `host:port` */
  readonly entrance: string;
  readonly incarnation: string;
  /** Of the manager whose grants are counted. */
  readonly fence: number;
  readonly sequence: number;
  /** All its keys, and its load: what is not named here is 0. */
  readonly isFull: boolean;
  readonly keys: readonly KeyStatement[];
  /** Engines that ended, or were never started after all. */
  readonly gone: readonly string[];
  readonly load?: readonly GroupLoad[];
};

export type ManagerNotice =
  | {
      readonly type: 'grant';
      readonly fence: number;
      readonly key: EngineKey;
      readonly engineId: string;
      /** `host:port` of the ECM; empty: the entrance's driver knows where. */
      readonly ecm: string;
      readonly reserved: Resources;
    }
  /** Give back one engine of this key (of that ECM, unless empty): an idle one, or (forced) the first whose job ends. */
  | {
      readonly type: 'recall';
      readonly fence: number;
      readonly key: EngineKey;
      readonly ecm: string;
      readonly isForced: boolean;
    }
  /** What keeps this key from another engine; null: nothing any more. */
  | {
      readonly type: 'waits';
      readonly fence: number;
      readonly key: EngineKey;
      readonly gate: GateName | null;
    }
  /** No engine of this key can be had, whatever ends: one job is told. */
  | {readonly type: 'denied'; readonly fence: number; readonly key: EngineKey; readonly failure: Failure};

/** An engine as its ECM knows it. */
export type ReportedEngine = {
  readonly engineId: string;
  readonly key: EngineKey;
  readonly resources: Resources;
  /** `host:port` of its owner's node; empty: none. */
  readonly entrance: string;
  readonly taskID?: number;
};

export type EcmReport = {
  readonly instance: string;
  readonly engineTypes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: Resources;
  /** Engines of one user. */
  readonly enginesPerUserMax: number;
  readonly health: NodeHealth;
  readonly healthReason: string;
  readonly load?: HostLoad;
  readonly engines: readonly ReportedEngine[];
};

export type ManagerCommand =
  | {type: 'state'; statement: Statement; replyTo: Ref<ManagerNotice>}
  /** What keeps a key from another engine, with figures and holders. */
  | {type: 'explain'; key: EngineKey; replyTo: Ref<Reply<readonly Gate[]>>}
  /** Seed: `getEngineStatus`. Null: no live engine has this id. */
  | {type: 'getEngineStatus'; engineId: string; replyTo: Ref<Reply<ReservedEngine | null>>}
  /** Seed: `getNodeMetrics`. Of one ECM, `host:port`, or of all (empty). */
  | {type: 'getNodeMetrics'; instance: string; replyTo: Ref<Reply<readonly NodeMetrics[]>>}
  | {type: 'resources'; replyTo: Ref<Reply<ResourceReport>>};

/** An engine as the ledger has it. */
export type ReservedEngine = {
  readonly engineId: string;
  readonly key: EngineKey;
  readonly ecm: string;
  readonly entrance: string;
  readonly resources: Resources;
  readonly phase: 'granted' | 'live';
  readonly taskID?: number;
};

export type NodeMetrics = {
  readonly instance: string;
  readonly health: NodeHealth;
  readonly healthReason: string;
  readonly capacity: Resources;
  readonly used: Resources;
  readonly load?: HostLoad;
};

export type ResourceReport = {
  /** Of the manager that answers. */
  readonly instance: string;
  readonly fence: number;
  readonly engines: readonly ReservedEngine[];
  readonly loads: readonly GroupLoad[];
  /** Accounts whose sum is wrong; empty unless there is a fault of ours. */
  readonly drift: readonly string[];
  /** Reservations that were dropped since nobody had such an engine, and engines that were found without one. */
  readonly healed: number;
};
