/**
 * The directory of one engine: where everything lies, and what `engine.json` says. It outlives the processes on both
 * sides, so a node that was restarted finds its engines here.
 *
 *     <engineId>/engine.json  secret  host.log  claim-N  reserve  work/  tmp/
 *                jobs/<taskID>-<attempt>/{code,spool,epoch,results/}
 */
import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {readEngineFile} from './engine-file.ts';
import {storeText} from './engine-owner.ts';
import type {ProcessIdentity} from './process-identity.ts';
import {createSpoolDecoder, openedOf} from './spool-record.ts';
import {readSpool} from './spool-reader.ts';

const recordBytesMax = 64 * 1024;
/** More than a host writes there. */
const hostLogBytesMax = 2 * 1024 * 1024;

export type EngineRecord = ProcessIdentity & {
  readonly engineId: string;
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  readonly socketPath: string;
  /** What its processes carry in their environment; empty if it did not say. */
  readonly mark: string;
  readonly cgroup?: string;
};

export type StoredTask = {readonly taskID: number; readonly attempt: number; readonly epoch: number};

export type EngineDirectory = {
  readonly path: string;
  readonly hostLog: string;
  readonly jobDirectory: (taskID: number, attempt: number) => string;
  readonly spool: (taskID: number, attempt: number) => string;
  readonly results: (taskID: number, attempt: number) => string;
};

export function engineDirectory(path: string): EngineDirectory {
  const jobDirectory = (taskID: number, attempt: number): string =>
    join(path, 'jobs', `${taskID}-${attempt}`);
  return {
    path,
    hostLog: join(path, 'host.log'),
    jobDirectory,
    spool: (taskID, attempt) => join(jobDirectory(taskID, attempt), 'spool'),
    results: (taskID, attempt) => join(jobDirectory(taskID, attempt), 'results'),
  };
}

/** Undefined when the host never got so far as to write it, or it is not readable. */
export async function readEngineRecord({path}: EngineDirectory): Promise<EngineRecord | undefined> {
  try {
    const text = await readEngineFile(path, join(path, 'engine.json'), recordBytesMax);
    return engineRecordOf(JSON.parse(text.toString()));
  } catch {
    return undefined;
  }
}

/** What an engine says of itself, as it stands in `engine.json`. */
export function engineRecordOf(value: unknown): EngineRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const given: Record<string, unknown> = {...value};
  const {engineId, engineType, user, creator, socketPath, pid, startTime, bootId, mark, cgroup} = given;
  if (
    typeof engineId !== 'string' ||
    typeof engineType !== 'string' ||
    typeof user !== 'string' ||
    typeof creator !== 'string' ||
    typeof socketPath !== 'string' ||
    typeof pid !== 'number' ||
    typeof startTime !== 'number' ||
    typeof bootId !== 'string'
  ) {
    return undefined;
  }
  const record = {
    engineId,
    engineType,
    user,
    creator,
    socketPath,
    // Processes are killed by it: nothing but what a launcher makes will do.
    mark: typeof mark === 'string' && /^[0-9a-f]{32}$/.test(mark) ? mark : '',
    pid,
    startTime,
    bootId,
  };
  return typeof cgroup === 'string' ? {...record, cgroup} : record;
}

export async function readSecret({path}: EngineDirectory): Promise<Uint8Array> {
  const text = await readEngineFile(path, join(path, 'secret'), recordBytesMax);
  return Buffer.from(text.toString().trim(), 'hex');
}

/** Tasks that have a spool here: at most one, unless a confirmation was cut short. */
export async function storedTasks(directory: EngineDirectory): Promise<StoredTask[]> {
  const names = await readdir(join(directory.path, 'jobs')).catch(() => []);
  const tasks: StoredTask[] = [];
  for (const name of names) {
    const match = /^(\d+)-(\d+)$/.exec(name);
    if (match === null) continue;
    const taskID = Number(match[1]);
    const attempt = Number(match[2]);
    tasks.push({taskID, attempt, epoch: await storedEpoch(directory, taskID, attempt)});
  }
  return tasks.toSorted((one, other) => other.taskID - one.taskID || other.attempt - one.attempt);
}

/** The highest epoch the engine obeyed for this task; 0 when its spool is too damaged to tell. */
async function storedEpoch(directory: EngineDirectory, taskID: number, attempt: number): Promise<number> {
  const path = join(directory.jobDirectory(taskID, attempt), 'epoch');
  const raised = await readEngineFile(directory.path, path, 32).catch(() => '');
  if (/^\d+\s*$/.test(raised.toString())) return Number(raised);
  try {
    const [first] = createSpoolDecoder(0).push(await readSpool(directory, taskID, attempt, 0, 4096));
    return first === undefined ? 0 : openedOf(first).epoch;
  } catch {
    return 0;
  }
}

/** For an engine that is gone and can't do it itself: a later owner than the one its spool knows. */
export async function storeEpoch(
  directory: EngineDirectory,
  taskID: number,
  attempt: number,
  epoch: number,
): Promise<void> {
  if ((await storedEpoch(directory, taskID, attempt)) >= epoch) return;
  const path = join(directory.jobDirectory(taskID, attempt), 'epoch');
  await storeText(directory.path, path, `${epoch}\n`);
}

/** The end of host.log, for messages about an engine that did not start. */
export async function readHostLog({path, hostLog}: EngineDirectory): Promise<string> {
  const text = await readEngineFile(path, hostLog, hostLogBytesMax).catch(() => '');
  return text.toString().slice(-2000);
}
