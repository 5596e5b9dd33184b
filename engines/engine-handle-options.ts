/** What a handle is opened with: the engine, and this process as its owner. */
import type {EngineOrigin, LocalEngine} from '../actors/ecm-port.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import type {EngineClaim} from './engine-claim.ts';
import type {EngineDirectory, EngineRecord, StoredTask} from './engine-directory.ts';
import type {EngineLog} from './engine-log.ts';

export type HandleOptions = {
  readonly record: EngineRecord;
  readonly directory: EngineDirectory;
  readonly secret: Uint8Array;
  readonly owner: string;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly windowBytes: number;
  readonly requestTimeoutMs: number;
  /** The unconfirmed task found when adopting, with the epoch to claim it with. */
  readonly task?: StoredTask;
  /** Resolves with the reason when a host that this process launched exits; absent for an adopted engine. */
  readonly childExit?: Promise<string>;
  /** False: found dead, only its spool is left. */
  readonly isLive: boolean;
  readonly claim: EngineClaim;
  readonly origin?: EngineOrigin | undefined;
  readonly observer?: HandleObserver;
};

/** Whoever keeps an eye on the engines of this host. */
export type HandleObserver = {
  /** The engine lives on, without this handle. */
  readonly released: (engine: LocalEngine) => void;
  /** It has ended, and its directory goes when this resolves. Never rejects. */
  readonly removing: (engineId: string, directory: string) => Promise<void>;
};
