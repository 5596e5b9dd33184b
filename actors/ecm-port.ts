/**
 * What a node's ECM needs of the engines of its own host, beyond what their owner needs: it holds them for owners that
 * live elsewhere, die and are succeeded. `engines/process-driver.ts` implements it.
 */
import type {
  EngineLogPage,
  EngineLogRequest,
  EngineMetrics,
  HostLoad,
  KillReceipt,
  Resources,
} from './engine-governance.ts';
import type {EngineDriver, EngineHandle, EngineLaunch} from './ports.ts';

export type ResultFile = {readonly name: string; readonly bytes: number};

/** What an engine was started with, kept in its directory for whoever adopts it. */
export type EngineOrigin = {
  readonly tenant?: string;
  readonly version?: string;
  readonly reserved?: Resources;
  /** Of the manager that asked for it; see `EngineLaunch`. */
  readonly fence?: number;
  /** Epoch milliseconds. */
  readonly startedAt?: number;
};

/** Also how much room there is for engines on disk. */
export type HostSample = HostLoad & {readonly diskBytesFree: number};

/** Of the engines of this host, by type: counters are of all there were, the rest of those that are there. */
export type HostUsage = {
  /** What the last look at all of them took. */
  readonly scanMs: number;
  readonly byType: readonly (Pick<
    EngineMetrics,
    'rssBytes' | 'cpuMs' | 'readBytes' | 'writtenBytes' | 'processes' | 'diskBytes'
  > & {readonly engineType: string})[];
};

/**
 * What a host can say of its engines and of itself, for the ECM and for a node that stands alone. All by the operating
 * system, not by what engines claim.
 */
export type HostView = {
  /** At the last look, some seconds ago at most; undefined before the first, and for an engine that is not here. */
  readonly metrics: (engineId: string) => EngineMetrics | undefined;
  /** As they are now. Undefined: it is not here. */
  readonly measure: (engineId: string) => Promise<EngineMetrics | undefined>;
  /**
   * What the engine and its newest task printed; of one that ended in the last minutes, what its process did. Undefined:
   * nothing is left of it. Rejects with `EngineLogError`.
   */
  readonly engineLog: (engineId: string, request: EngineLogRequest) => Promise<EngineLogPage | undefined>;
  readonly hostLoad: () => Promise<HostSample>;
  readonly usage: () => HostUsage;
  /**
   * Ends the engine, whoever uses it, with its job: TERM, `graceMs`, KILL; resolves when nothing of it is left. What the
   * job wrote stays, for its owner. Undefined: it is not here.
   */
  readonly terminate: (
    engineId: string,
    graceMs: number,
  ) => Promise<Omit<KillReceipt, 'returned'> | undefined>;
};

export type LocalEngine = EngineHandle & {
  /** Absent if the engine was started by somebody who did not note it. */
  readonly origin?: EngineOrigin;
  /**
   * A new owner of its task: from now on the engine refuses lower epochs, also after a restart of this process.
   * Rejects with a `LinkisError` when the engine lives and can't be reached, with `NeverBegunError` when it says that it
   * does not have that task: the order for it was lost on its way.
   */
  readonly raiseEpoch: (taskID: number, attempt: number, epoch: number) => Promise<void>;
  /** Nobody takes events over any more: the job goes on unattended, as far as its spool may grow. */
  readonly unfollow: () => void;
  /** After `exited`: resolves when whoever follows has been given all that the spool holds. */
  readonly drained: () => Promise<void>;
  readonly listResults: (taskID: number, attempt: number) => Promise<readonly ResultFile[]>;
  /** Bytes from `offset` on, at most `bytesMax`; none at the end of the file. */
  readonly readResult: (
    taskID: number,
    attempt: number,
    file: string,
    offset: number,
    bytesMax: number,
  ) => Promise<Uint8Array>;
  /** Resolves when another process has the engine: this handle is of no use any more, and its exit is never told. */
  readonly lost: Promise<void>;
};

export type LocalEngineDriver = Omit<EngineDriver, 'launch'> & {
  readonly launch: (launch: EngineLaunch, timeoutMs: number) => Promise<LocalEngine>;
  /**
   * Tasks keep their epoch: an ECM that attaches again is no new owner. Engines that this process holds are left out, and those
   * that another node's has taken over, unless that `isDead`: by its lease; its claims then count no more, even if its
   * process still exists.
   */
  readonly adoptOwn: (isDead?: (incarnation: string) => boolean) => Promise<readonly LocalEngine[]>;
  /** Adopts what is in the engines folder of another node of this host, likewise. */
  readonly adoptFrom: (
    enginesDirectory: string,
    isDead: (incarnation: string) => boolean,
  ) => Promise<readonly LocalEngine[]>;
  /** Absent where engines are no processes. */
  readonly host?: HostView;
};

/** Where results go that another node's ECM holds. On disk, also after a power loss, before `store` resolves. */
export type ResultSink = {
  /** Writes one result file, whole or not at all; `read` answers the bytes from an offset on, none at the end. */
  readonly store: (
    directory: string,
    file: string,
    read: (offset: number) => Promise<Uint8Array>,
  ) => Promise<void>;
  /** How many result sets are in `directory`. */
  readonly count: (directory: string) => Promise<number>;
};
