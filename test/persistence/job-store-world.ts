/** Writes of jobs, and what the job stores' contracts share. */
import test, {type ExecutionContext} from 'ava';
import type {JobStatus} from '../../actors/domain/job.ts';
import type {
  JobFacts,
  JobRow,
  JobStore,
  JobUpdate,
  JobWrite,
  StoredJob,
  WriteOutcome,
} from '../../actors/ports.ts';
import {storedJob} from '../support/stored-jobs.ts';

export const owner = 'host-1:9001#incarnation-1#1';
export const at = 1_700_000_000_123;

export const insert = (row: Partial<JobRow> & {id: number}, facts: Partial<JobFacts> = {}): JobWrite => ({
  type: 'insert',
  ...storedJob({instances: owner, createdTime: at, updatedTime: at, ...row}, facts),
});

export const update = (
  id: number,
  from: readonly JobStatus[],
  set: Partial<JobUpdate['set']>,
  more: Partial<JobUpdate> = {},
): JobUpdate => ({type: 'update', id, owner, from, set: {updatedTime: at + 5, ...set}, ...more});

export const types = (outcomes: readonly WriteOutcome[]): string[] => outcomes.map(({type}) => type);

export const ids = (jobs: readonly StoredJob[]): number[] => jobs.map(({row}) => row.id);

export type OpenJobStore = (t: ExecutionContext) => Promise<JobStore>;

export type ContractOptions = {
  /** Adds what an object in memory does by its nature. */
  readonly isReal: boolean;
  /** One after another: `open` empties one database and gives it again. */
  readonly isSerial?: boolean;
};

/** Registers one test of a store that is opened for it. */
export type Register = (title: string, run: (t: ExecutionContext, store: JobStore) => Promise<void>) => void;

export function registering(name: string, openStore: OpenJobStore, isSerial: boolean): Register {
  const register = isSerial ? test.serial : test;
  return (title, run) => register(`${name}: ${title}`, async t => run(t, await openStore(t)));
}
