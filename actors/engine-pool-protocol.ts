/** What the engine pool is told and what it does; `engine-pool.ts` decides. */
import type {Failure} from './domain/errors.ts';
import type {EngineCommand} from './engine-conn.ts';
import type {Resources} from './engine-governance.ts';
import type {EngineKey} from './engine-key.ts';
import type {EngineRequest, PoolLimits} from './engine-pool-state.ts';
import type {GateName} from './gate.ts';
import type {GrantedEngine} from './job-protocol.ts';
import type {ManagerNotice, Statement} from './manager-protocol.ts';
import type {Ref} from './runtime/ref.ts';

export type EnginePoolCommand =
  | ({type: 'requestEngine'} & EngineRequest)
  | {type: 'cancelRequest'; taskID: number; attempt: number; key: EngineKey}
  | {type: 'release'; engineId: string; isReusable: boolean}
  /** The node leaves: nothing is granted or launched any more, what is given back stays idle. */
  | {type: 'close'}
  /** Ends an engine by order of a person. */
  | {type: 'endEngine'; engineId: string}
  /** It gets no more jobs, and ends when it has none. */
  | {type: 'retireEngine'; engineId: string}
  | {type: 'setLimits'; limits: PoolLimits}
  | {type: 'explain'; taskID: number; key: EngineKey; reply: (wait: EngineWait | undefined) => void};

/** Of one waiting request. */
export type EngineWait = {
  /** Requests of its key that go before it. */
  readonly ahead: number;
  readonly starting: number;
  readonly gate: GateName | null;
  /** Busy engines of its key, by the job each has. */
  readonly holders: readonly {readonly engineId: string; readonly taskID?: number}[];
};

export type EnginePoolReport =
  | {type: 'engineStarted'; engineId: string; ref: Ref<EngineCommand>; launchMs?: number}
  /** Found at start; `taskID` when it works on, or keeps the end of, a task. */
  | {
      type: 'engineAdopted';
      engineId: string;
      key: EngineKey;
      taskID?: number;
      ecm: string;
      ref: Ref<EngineCommand>;
    }
  | {type: 'launchFailed'; engineId: string; failure: Failure}
  | {type: 'launchRetryDue'; engineId: string}
  | {type: 'engineExited'; engineId: string}
  | {type: 'idleDue'; engineId: string; idleCount: number}
  | {type: 'stateDue'; isFull: boolean};

export type EnginePoolMessage =
  | EnginePoolCommand
  | EnginePoolReport
  | {type: 'notice'; notice: ManagerNotice};

export type EnginePoolEffect =
  | {type: 'grant'; request: EngineRequest; engine: GrantedEngine}
  | {type: 'deny'; request: EngineRequest; failure: Failure}
  | {
      type: 'launch';
      engineId: string;
      key: EngineKey;
      ecm: string;
      reserved: Resources;
      fence: number;
    }
  | {type: 'shutdown'; ref: Ref<EngineCommand>}
  | {type: 'idleTimer'; engineId: string; idleCount: number; afterMs: number}
  | {type: 'launchRetryTimer'; engineId: string}
  | {type: 'stateTimer'}
  | {type: 'state'; statement: Omit<Statement, 'entrance' | 'incarnation' | 'load'>}
  | {type: 'tell'; tell: () => void};
