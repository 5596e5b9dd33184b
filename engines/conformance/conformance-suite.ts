/**
 * Runs the checks over one engine program, each on an engine of its own in a fresh directory, and ends everything they
 * started. What a check needs that the profile has no code for makes it skipped, never passed.
 */
import {chmod, mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Clock} from '../../actors/runtime/clock.ts';
import {endingChecks} from './checks/ending-checks.ts';
import {executeChecks} from './checks/execute-checks.ts';
import {handshakeChecks} from './checks/handshake-checks.ts';
import {launchChecks} from './checks/launch-checks.ts';
import {limitChecks} from './checks/limit-checks.ts';
import {outputChecks} from './checks/output-checks.ts';
import {ownerChecks} from './checks/owner-checks.ts';
import {streamChecks} from './checks/stream-checks.ts';
import {EngineBreachError} from './conformance-errors.ts';
import type {EngineProfile} from './engine-profile.ts';
import {runTask, taskFields, type EngineCheck, type EngineTrial, type LaunchOptions} from './engine-trial.ts';
import {patienceOf} from './patience.ts';
import {startProcess, untilReady, type TrialProcess, type TrialSettings} from './trial-engine.ts';
import {attach, type TrialOwner} from './trial-owner.ts';
import {wireTo} from './trial-wire.ts';

export const engineChecks: readonly EngineCheck[] = [
  ...launchChecks,
  ...handshakeChecks,
  ...executeChecks,
  ...streamChecks,
  ...outputChecks,
  ...endingChecks,
  ...limitChecks,
  ...ownerChecks,
];

export type CheckResult = {
  readonly name: string;
  readonly why: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was wrong, or what code is missing. */
  readonly detail: string;
  readonly tookMs: number;
};

export type SuiteOptions = {
  readonly command: readonly [string, ...string[]];
  readonly profile: EngineProfile;
  readonly clock: Clock;
  /** All that the program sees of an environment, such as PATH. */
  readonly environment: Readonly<Record<string, string>>;
  /** The interpreter that the configuration line names; absolute. */
  readonly pythonPath: string;
  /** How long an engine may take for anything that has no limit of its own. Default 10 s. */
  readonly patienceMs?: number;
  /** Checks that run at a time. Default 4. */
  readonly concurrency?: number;
  /** Which checks to run; default all. */
  readonly checks?: readonly EngineCheck[];
  readonly onResult?: (result: CheckResult) => void;
  /** Aborted: no further checks are begun, those under way are ended and have no result. */
  readonly signal?: AbortSignal;
};

/** What one check has started, and what is to be ended with it. */
type Started = {readonly processes: TrialProcess[]; readonly owners: TrialOwner[]; isOver: boolean};

const socketPathBytesMax = 107;

/** Resolves to the results of the checks that were run; never rejects for what an engine does. */
export async function runConformance(options: SuiteOptions): Promise<readonly CheckResult[]> {
  const {checks = engineChecks, concurrency = 4, onResult, signal} = options;
  const root = await mkdtemp(join(tmpdir(), 'tenon-check-'));
  await chmod(root, 0o700);
  const results: CheckResult[] = [];
  let nextCheck = 0;
  async function work(): Promise<void> {
    for (;;) {
      const index = nextCheck++;
      const check = checks[index];
      if (check === undefined || signal?.aborted === true) return;
      // Each worker runs one check after the other.
      // oxlint-disable-next-line no-await-in-loop
      const result = await runCheck(check, join(root, String(index)), options);
      if (result === undefined) return;
      results[index] = result;
      onResult?.(result);
    }
  }
  try {
    await Promise.all(Array.from({length: Math.max(1, concurrency)}, work));
  } finally {
    await rm(root, {recursive: true, force: true, maxRetries: 5});
  }
  return results.filter(result => result !== undefined);
}

/** Resolves to undefined when the suite was aborted meanwhile. */
async function runCheck(
  check: EngineCheck,
  directory: string,
  options: SuiteOptions,
): Promise<CheckResult | undefined> {
  const {name, why, needs} = check;
  const {profile, clock, signal} = options;
  const missing = needs.filter(kind => profile.code[kind] === undefined);
  if (missing.length > 0) {
    return {
      name,
      why,
      outcome: 'skipped',
      detail: `the profile has no code to ${missing.join(', ')}`,
      tookMs: 0,
    };
  }
  const began = clock.monotonicMs();
  const started: Started = {processes: [], owners: [], isOver: false};
  const aborted = Promise.withResolvers<void>();
  const abort = (): void => aborted.resolve();
  signal?.addEventListener('abort', abort);
  let detail = '';
  try {
    await mkdir(directory, {mode: 0o700});
    await Promise.race([check.run(trialIn(directory, options, started)), aborted.promise]);
  } catch (cause) {
    detail = cause instanceof EngineBreachError ? cause.what : textOf(cause);
  }
  signal?.removeEventListener('abort', abort);
  started.isOver = true;
  for (const owner of started.owners) owner.cut();
  const left = (await Promise.all(started.processes.map(process => process.end()))).flat();
  if (signal?.aborted === true) return undefined;
  if (left.length > 0 && detail === '') detail = `processes ${left.join(', ')} of the engine can't be ended`;
  const tookMs = Math.round(clock.monotonicMs() - began);
  return {name, why, outcome: detail === '' ? 'passed' : 'failed', detail, tookMs};
}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

function trialIn(directory: string, options: SuiteOptions, started: Started): EngineTrial {
  const {processes, owners} = started;
  const {command, profile, clock, patienceMs = 10_000} = options;
  const patience = patienceOf(clock, patienceMs);

  async function start(launch: LaunchOptions, hasConfiguration = true): Promise<TrialProcess> {
    const {socketPathBytes, ...settings} = launch;
    const engineId = `check-${processes.length + 1}`;
    const place = {
      engineId,
      path: join(directory, engineId),
      socketPath: socketPathOf(directory, processes.length, socketPathBytes),
    };
    const process = await startProcess(
      command,
      place,
      {...defaultsOf(options), ...settings},
      hasConfiguration,
    );
    processes.push(process);
    if (started.isOver) {
      // The check was given up while its program started.
      await process.end();
      throw new EngineBreachError('the suite was ended');
    }
    return process;
  }

  const trial: EngineTrial = {
    patience,
    async launch(launch = {}) {
      const process = await start(launch);
      await untilReady(process, patience);
      return process;
    },
    launchUnconfigured: () => start({}, false),
    async attach(engine, claim = {}) {
      const owner = await attach(engine, {owner: 'check', epoch: 1, ...claim}, patience);
      owners.push(owner);
      return owner;
    },
    async attached(launch = {}) {
      const engine = await trial.launch(launch);
      return {engine, owner: await trial.attach(engine)};
    },
    wire: engine => wireTo(engine.socketPath, patience),
    run: (engine, owner, task) => runTask(patience, engine, owner, task),
    task: (kind, values = {}, fields = {}) => taskFields(profile, kind, values, fields),
  };
  return trial;
}

const defaultsOf = ({profile, environment, pythonPath}: SuiteOptions): TrialSettings => ({
  engineType: profile.engineType,
  user: 'checker',
  creator: 'check',
  limits: {memoryBytesMax: 2 ** 31, processesMax: 200, diskBytesMax: 2 ** 31, openFilesMax: 1024},
  orphanIdleMs: 60_000,
  orphanBusyMs: 3_600_000,
  windowBytes: 4 * 1024 * 1024,
  unattendedBytesMax: 256 * 1024 * 1024,
  lineBytesMax: 1024 * 1024,
  killGraceMs: 5000,
  pythonPath,
  environment,
});

/** In a directory of mode 0700; filled up to `bytes` where a path of that length is wanted. */
function socketPathOf(directory: string, number: number, bytes: number | undefined): string {
  const path = join(directory, `s${number}`);
  if (bytes === undefined) return path;
  return path.padEnd(Math.min(bytes, socketPathBytesMax), 'x');
}
