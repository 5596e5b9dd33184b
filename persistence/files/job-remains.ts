/**
 * Logs and results of jobs as retention finds them: `logs/<day>/<creator>/<user>/<taskID>.log` and
 * `results/<day>/<creator>/<user>/<taskID>/` (see `actors/checks/job-paths.ts`). The day is that of the submission, so
 * younger days need no look. The files themselves say what is left to remove: nothing else has to be remembered.
 */
import type {Dirent} from 'node:fs';
import {lstat, readdir, rm, rmdir} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import type {JobRemains, Remains, RemainsKind} from '../../actors/job-remains.ts';
import {isMissing} from './file-io.ts';
import {indexPathOf} from './log-file.ts';
import type {FileLogStore} from './log-store.ts';

export type JobRemainsOptions = {
  /** The data directory, absolute. */
  readonly directory: string;
  readonly logs: Pick<FileLogStore, 'remove'>;
};

const batchMax = 100;
const dayForm = /^\d{4}-\d{2}-\d{2}$/;
const nameForms = {logs: /^(\d{1,16})\.log$/, results: /^(\d{1,16})$/} as const;
/** No time zone is further ahead: a day that has begun anywhere counts. */
const aheadMsMax = 14 * 3_600_000;

/** See `JobRemains`. Links are neither followed nor removed, but inside a result directory, which goes whole. */
export function createJobRemains({directory, logs}: JobRemainsOptions): JobRemains {
  async function* list(kind: RemainsKind, createdBeforeMs: number): AsyncGenerator<readonly Remains[]> {
    const lastDay = new Date(createdBeforeMs + aheadMsMax).toISOString().slice(0, 10);
    const area = join(directory, kind);
    for (const day of await directories(area)) {
      if (!dayForm.test(day) || day > lastDay) continue;
      for (const creator of await directories(join(area, day))) {
        for (const user of await directories(join(area, day, creator))) {
          yield* remainsIn(join(area, day, creator, user), kind);
        }
      }
    }
  }

  return {
    list,
    async remove(kind, path) {
      const freedBytes =
        kind === 'logs' ? (await sizeOf(path)) + (await sizeOf(indexPathOf(path))) : await treeSize(path);
      if (kind === 'logs') await logs.remove(path);
      else await rm(path, {recursive: true, force: true});
      await removeEmpty(dirname(path), join(directory, kind));
      return freedBytes;
    },
  };
}

async function* remainsIn(place: string, kind: RemainsKind): AsyncGenerator<readonly Remains[]> {
  const found = (await entries(place))
    .filter(entry => (kind === 'logs' ? entry.isFile() : entry.isDirectory()))
    .map(({name}) => ({path: join(place, name), taskID: Number(nameForms[kind].exec(name)?.[1])}))
    .filter(({taskID}) => Number.isSafeInteger(taskID) && taskID > 0)
    .toSorted((a, b) => a.taskID - b.taskID);
  for (let at = 0; at < found.length; at += batchMax) {
    const batch = found.slice(at, at + batchMax);
    const times = await Promise.all(
      batch.map(async ({path}) => lstat(path).then(stats => stats.mtimeMs, gone)),
    );
    yield batch.flatMap(({path, taskID}, index) => {
      const modifiedAtMs = times[index];
      return modifiedAtMs === undefined ? [] : [{path, taskID, modifiedAtMs}];
    });
  }
}

function gone(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

const entries = async (path: string): Promise<readonly Dirent[]> =>
  (await readdir(path, {withFileTypes: true}).catch(gone)) ?? [];

/** Names of the directories in one, links left out, in order. */
const directories = async (path: string): Promise<string[]> =>
  (await entries(path))
    .filter(entry => entry.isDirectory())
    .map(({name}) => name)
    .toSorted();

const sizeOf = async (path: string): Promise<number> => (await lstat(path).catch(gone))?.size ?? 0;

async function treeSize(path: string): Promise<number> {
  let bytes = 0;
  for (const entry of await entries(path)) {
    const inner = join(path, entry.name);
    bytes += entry.isDirectory() ? await treeSize(inner) : await sizeOf(inner);
  }
  return bytes;
}

/** The directories that nothing is left in, upwards, but not the area's own. */
async function removeEmpty(path: string, area: string): Promise<void> {
  for (let place = path; place !== area; place = dirname(place)) {
    try {
      await rmdir(place);
    } catch {
      // Something is left in it, or somebody else removed it.
      return;
    }
  }
}
