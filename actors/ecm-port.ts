/**
 * What a node's ECM needs of the engines of its own host, beyond what their owner needs: it holds them for owners that
 * live elsewhere, die and are succeeded. `engines/process-driver.ts` implements it.
 */
import type {EngineDriver, EngineHandle, EngineLaunch} from './ports.ts';

export type ResultFile = {readonly name: string; readonly bytes: number};

export type LocalEngine = EngineHandle & {
  /**
   * A new owner of its task: from now on the engine refuses lower epochs, also after a restart of this process.
   * Rejects with a `LinkisError` when the engine lives and can't be reached.
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
  /** Tasks keep their epoch: an ECM that attaches again is no new owner. Engines that this process holds are left out. */
  readonly adoptOwn: () => Promise<readonly LocalEngine[]>;
  /**
   * Adopts what is in the engines folder of another node of this host. `isDead`: by its lease; its claims then
   * count no more, even if its process still exists.
   */
  readonly adoptFrom: (
    enginesDirectory: string,
    isDead: (incarnation: string) => boolean,
  ) => Promise<readonly LocalEngine[]>;
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
