/** What a check is, and what it is given: engines to launch, owners for them, code that does what it needs. */
import {readdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {engineDirectory} from '../engine-directory.ts';
import {must} from './conformance-errors.ts';
import {codeOf, type CodeKind, type CodeValues, type EngineProfile} from './engine-profile.ts';
import type {Patience} from './patience.ts';
import {auditSpool, type SpoolAudit, type TrialEnd} from './spool-audit.ts';
import type {TrialProcess, TrialSettings} from './trial-engine.ts';
import type {Claim, TaskKey, TrialOwner, TrialStream} from './trial-owner.ts';
import type {TrialWire} from './trial-wire.ts';

export type EngineCheck = {
  /** Stable, `area/what`. */
  readonly name: string;
  /** A sentence: what goes wrong without it. */
  readonly why: string;
  /** Code the profile must have; without it the check is skipped. */
  readonly needs: readonly CodeKind[];
  /** Rejects with `EngineBreachError`, or another error that says what is wrong. */
  readonly run: (trial: EngineTrial) => Promise<void>;
};

export type LaunchOptions = Partial<TrialSettings> & {
  /** Length of the socket's path, at most 107. */
  readonly socketPathBytes?: number;
};

/** An engine lives as long as its trial. */
export type EngineTrial = {
  readonly patience: Patience;
  /** Resolves when the engine is ready. */
  readonly launch: (options?: LaunchOptions) => Promise<TrialProcess>;
  /** Starts the program with an empty standard input. */
  readonly launchUnconfigured: () => Promise<TrialProcess>;
  /** Default claim: owner `check`, epoch 1. */
  readonly attach: (engine: TrialProcess, claim?: Partial<Claim>) => Promise<TrialOwner>;
  readonly wire: (engine: TrialProcess) => Promise<TrialWire>;
  /** An engine and its first owner, with epoch 1. */
  readonly attached: (
    options?: LaunchOptions,
  ) => Promise<{readonly engine: TrialProcess; readonly owner: TrialOwner}>;
  /** Executes a task and follows it to its end; the spool is checked as a whole. The task stays unconfirmed. */
  readonly run: (engine: TrialProcess, owner: TrialOwner, task: TaskFields) => Promise<Ran>;
  /** The fields of an execute request: task 1, attempt 1, epoch 1 unless `fields` says otherwise. */
  readonly task: (kind: CodeKind, values?: CodeValues, fields?: Partial<TaskFields>) => TaskFields;
};

export type TaskFields = TaskKey & {
  readonly epoch: number;
  readonly code: string;
  readonly codeType: string;
  readonly runtimeParams: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly runningTimeoutMs?: number;
};

export function taskFields(
  profile: EngineProfile,
  kind: CodeKind,
  values: CodeValues = {},
  fields: Partial<TaskFields> = {},
): TaskFields {
  const {codeType, runtimeParams} = profile;
  const code = codeOf(profile, kind, values);
  return {taskID: 1, attempt: 1, epoch: 1, code, codeType, runtimeParams, environment: {}, ...fields};
}

export type Ran = {
  readonly end: TrialEnd;
  readonly spool: SpoolAudit;
  readonly stream: TrialStream;
  readonly tookMs: number;
};

export async function runTask(
  patience: Patience,
  engine: TrialProcess,
  owner: TrialOwner,
  task: TaskFields,
): Promise<Ran> {
  const began = patience.now();
  await owner.request('execute', task);
  const stream = await owner.follow(task, 0);
  await patience.within(`the end of task ${task.taskID}`, stream.ended);
  const tookMs = patience.now() - began;
  const {spool, end} = await audited(engine, task);
  must(spool.epoch === task.epoch, `the spool was opened with epoch ${spool.epoch}, not ${task.epoch}`);
  return {spool, end, stream, tookMs};
}

export const keyOf = ({taskID, attempt}: TaskKey): TaskKey => ({taskID, attempt});

export const spoolPath = ({path}: TrialProcess, {taskID, attempt}: TaskKey): string =>
  engineDirectory(path).spool(taskID, attempt);

/** The spool of a task that has ended. */
export async function audited(
  engine: TrialProcess,
  task: TaskKey,
): Promise<{readonly spool: SpoolAudit; readonly end: TrialEnd}> {
  const spool = await auditSpool(spoolPath(engine, task), {...keyOf(task), engineId: engine.engineId});
  must(spool.end !== undefined, 'the spool has no record of the end');
  return {spool, end: spool.end};
}

/** 0 while there is no spool. */
export const spoolSize = async (engine: TrialProcess, task: TaskKey): Promise<number> =>
  (await stat(spoolPath(engine, task)).catch(() => ({size: 0}))).size;

/** Whether anything of the task is left in its engine's directory. */
export async function hasJobDirectory({path}: TrialProcess, {taskID, attempt}: TaskKey): Promise<boolean> {
  const names: readonly string[] = await readdir(join(path, 'jobs')).catch(() => []);
  return names.includes(`${taskID}-${attempt}`);
}
