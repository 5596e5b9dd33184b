/** On which node the files of a path lie: its job's row says who owns, or owned, the job. */
import {instanceOf} from './domain/owner.ts';
import type {JobStore} from './ports.ts';

/** `host:port` of the node in whose data directory the path is; undefined for what belongs to no job. */
export type HolderOf = (path: string) => Promise<string | undefined>;

/** A path of a job has its taskID once, besides names that are numbers. */
const candidatesMax = 4;

/** Rejects with `DatabaseAwayError`. */
export function createHolderOf(store: Pick<JobStore, 'get'>): HolderOf {
  return async path => {
    for (const taskID of taskIdsIn(path)) {
      // The last number is nearly always the one.
      // oxlint-disable-next-line no-await-in-loop
      const row = (await store.get(taskID))?.row;
      if (row === undefined) continue;
      const {logPath, resultLocation, instances} = row;
      if ([logPath, resultLocation].some(place => isWithin(path, place))) return instanceOf(instances);
    }
    return undefined;
  };
}

const isWithin = (path: string, stored: string): boolean => {
  const place = stored.replace(/^file:(?:\/\/)?(?=\/)/, '');
  return place !== '' && (path === place || path.startsWith(`${place}/`));
};

/** What a path's parts may be: `…/results/2024-05-01/IDE/ann/7/_0.dolphin`, `…/logs/2024-05-01/IDE/ann/7.log`. */
const taskIdsIn = (path: string): readonly number[] =>
  path
    .split('/')
    .map(part => Number(/^(\d{1,16})(?:\.log)?$/.exec(part)?.[1]))
    .filter(taskID => Number.isSafeInteger(taskID) && taskID > 0)
    .toReversed()
    .slice(0, candidatesMax);
