/** What an engine's `run` gets: the task, and everything it may say while it runs. The public types of the kit. */
import type {ProgressInfo} from '../../actors/domain/job.ts';
import type {EngineLimits} from '../../actors/ports.ts';

export type LogLevelName = 'INFO' | 'WARN' | 'ERROR';

export type EngineTaskRequest = {
  readonly taskID: number;
  readonly attempt: number;
  readonly code: string;
  readonly codeType: string;
  /** `params.configuration.runtime` of the submission; not checked by anybody. */
  readonly runtimeParams: Readonly<Record<string, unknown>>;
  /** What processes that the task starts should see besides the engine's own environment. */
  readonly environment: Readonly<Record<string, string>>;
};

/** A column of a table; `type` is Linkis' name: `int`, `bigint`, `double`, `decimal`, `string`, `timestamp`, … */
export type ColumnDefinition = {readonly name: string; readonly type?: string; readonly comment?: string};

/** Null and undefined are SQL's null; what is no text is stored as `String` prints it. */
export type CellValue = string | number | bigint | boolean | null | undefined;

/** One table. Waiting for `add` keeps memory bounded: it resolves when the disk has taken what is due. */
export type ResultRows = {
  readonly add: (row: readonly CellValue[]) => Promise<void>;
  /** The same for many rows at once, which is several times faster. */
  readonly addAll: (rows: readonly (readonly CellValue[])[]) => Promise<void>;
  /** Rows and bytes added so far. */
  readonly size: () => {readonly rows: number; readonly bytes: number};
  /** Readers see the table from here on. Not needed at the end of `run`: what is open then is closed. */
  readonly close: () => Promise<void>;
};

export type TaskContext = {
  /** Aborted when the task is killed, takes too long or goes beyond a limit. Its reason is a `TaskStoppedError`. */
  readonly signal: AbortSignal;
  /** A line of the engine's own, with time and level. */
  readonly log: (level: LogLevelName, text: string) => void;
  /** Output of the user's code, as it is. Resolves when there is room for more: wait for it. */
  readonly print: (text: string) => Promise<void>;
  /** `fraction` from 0 to 1. */
  readonly progress: (fraction: number, info?: readonly ProgressInfo[]) => void;
  /** Begins the next result set. */
  readonly resultSet: (columns: readonly ColumnDefinition[]) => Promise<ResultRows>;
  /** A result set that is a text. */
  readonly textResult: (text: string) => Promise<void>;
  readonly engine: EngineFacts;
};

export type EngineFacts = {
  readonly engineId: string;
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  readonly limits: EngineLimits;
  /** Absolute; jobs may keep files in it as long as the engine lives. */
  readonly workDirectory: string;
  /** What the node's configuration says to engines of this type; may hold passwords. */
  readonly properties: Readonly<Record<string, string>>;
  /** The environment for processes that jobs start. */
  readonly environment: Readonly<Record<string, string>>;
};
