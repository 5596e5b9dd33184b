/**
 * One task of an engine, from its acceptance to the record of its end in the spool.
 *
 *     running ──run settled──▶ finishing ──▶ ended ──confirmed by the owner──▶ (gone)
 *        └──kill, time-out, limit, full disk: signal──▶ stopping ──run settled, or the grace is over──▶ finishing
 *
 * What is decided first stays: a kill that crosses the natural end changes nothing, and the other way round.
 */
import {mkdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import type {Failure} from '../../actors/domain/errors.ts';
import type {ProgressInfo} from '../../actors/domain/job.ts';
import type {EndReceipt, TaskEnd} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import {recordType} from '../spool-record.ts';
import {engineRoot, spendReserve, writeWhole} from './engine-files.ts';
import {cutLines, engineLine} from './log-lines.ts';
import type {ProcessFamily} from './process-family.ts';
import {ResultFile} from './result-file.ts';
import {SpoolFile, SpoolFullError} from './spool-file.ts';
import type {EngineFacts, EngineTaskRequest, LogLevelName, TaskContext} from './task-context.ts';
import {diskFull, failureCode, failureFrom, failureOf, TaskStoppedError} from './task-failure.ts';

const progressMs = 100;
const retryEndMs = 1000;
const retriesMax = 60;
const receiptPidsMax = 100;

export type TaskSpec = EngineTaskRequest & {readonly epoch: number; readonly runningTimeoutMs?: number};

export type TaskHost = {
  readonly clock: Clock;
  readonly facts: EngineFacts;
  readonly lineBytesMax: number;
  readonly killGraceMs: number;
  readonly family: ProcessFamily;
  /** Whether the job may go on writing. */
  readonly hasRoom: (task: EngineTask) => boolean;
  readonly spoolGrew: () => void;
  /** Calls back once when a limit of the engine is passed; the answer ends the watching. */
  readonly watchLimits: (onBreach: (failure: Failure, graceMs: number) => void) => () => void;
  /** `mustLeave`: its code is still running, and ends only with the process. */
  readonly ended: (mustLeave: boolean) => void;
  /** There is no way to store the end. */
  readonly giveUp: (why: string) => void;
};

type Progress = {readonly progress: number; readonly info: readonly ProgressInfo[]};
type Decided = {readonly outcome: TaskEnd['outcome']; readonly failure?: Failure};

export const taskDirectory = (taskID: number, attempt: number): string =>
  join(engineRoot, 'jobs', `${taskID}-${attempt}`);

export class EngineTask {
  readonly taskID: number;
  readonly attempt: number;
  readonly spool: SpoolFile;
  readonly #spec: TaskSpec;
  readonly #host: TaskHost;
  readonly #abort = new AbortController();
  /** By number; undefined while one is being opened. */
  readonly #results: (ResultFile | undefined)[] = [];
  #resultsBegun = 0;
  #epoch: number;
  #phase: 'running' | 'finishing' | 'ended' = 'running';
  #decided: Decided | undefined;
  #engineIsReusable = true;
  #isStoring = true;
  #progress: Progress | undefined;
  #progressTimer: (() => void) | undefined;
  #timers: (() => void)[] = [];
  #deadline: {readonly atMs: number; readonly cancel: () => void} | undefined;
  #waiting: (() => void)[] = [];
  /** When somebody or something ended it. */
  #stoppedAtMs: number | undefined;

  /** On disk when it returns, so that whoever comes later knows of the task. Throws and leaves nothing if that fails. */
  constructor(host: TaskHost, spec: TaskSpec) {
    this.#host = host;
    this.#spec = spec;
    this.taskID = spec.taskID;
    this.attempt = spec.attempt;
    this.#epoch = spec.epoch;
    mkdirSync(this.#directory, {mode: 0o700});
    try {
      this.spool = new SpoolFile(join(this.#directory, 'spool'));
      const {taskID, attempt, epoch} = spec;
      const {engineId} = host.facts;
      this.spool.appendJson(recordType.opened, {version: 1, taskID, attempt, epoch, engineId});
    } catch (error) {
      rmSync(this.#directory, {recursive: true, force: true});
      throw error;
    }
  }

  get epoch(): number {
    return this.#epoch;
  }

  get hasEnded(): boolean {
    return this.#phase === 'ended';
  }

  get #directory(): string {
    return taskDirectory(this.#spec.taskID, this.#spec.attempt);
  }

  /** A new owner: its epoch is on disk before it is obeyed. */
  raiseEpoch(epoch: number): void {
    writeWhole(join(this.#directory, 'epoch'), `${epoch}\n`);
    this.#epoch = epoch;
  }

  start(run: (request: EngineTaskRequest, context: TaskContext) => Promise<void>): void {
    const {clock, killGraceMs, family} = this.#host;
    family.forget();
    const {runningTimeoutMs: limitMs} = this.#spec;
    if (limitMs !== undefined) {
      const why = failureOf(failureCode.timedOut, `The job ran longer than its limit of ${limitMs} ms.`);
      this.#timers.push(clock.after(limitMs, () => this.end('timedOut', why, killGraceMs)));
    }
    this.#timers.push(
      this.#host.watchLimits((why, graceMs) => {
        // What it holds it may go on holding.
        if (why.code === failureCode.memoryLimit) this.#engineIsReusable = false;
        this.end('failed', why, graceMs);
      }),
    );
    const {taskID, attempt, code, codeType, runtimeParams, environment} = this.#spec;
    const request = {taskID, attempt, code, codeType, runtimeParams, environment};
    // Through a promise, so that a run which throws at once is treated like one that rejects.
    Promise.resolve()
      .then(() => run(request, this.#context()))
      .then(
        () => this.#settled({outcome: 'succeeded'}),
        (error: unknown) => this.#settled({outcome: 'failed', failure: failureFrom(error)}),
      )
      .catch((error: unknown) =>
        this.#host.giveUp(`The end of task ${this.taskID} failed: ${String(error)}`),
      );
  }

  kill(graceMs: number, why: 'killed' | 'timedOut'): void {
    if (why === 'timedOut') {
      this.end('timedOut', failureOf(failureCode.timedOut, 'The job ran longer than it may.'), graceMs);
    } else {
      this.end('killed', failureOf(failureCode.killed, 'The job was killed.'), graceMs);
    }
  }

  /** The first decision stands; a second wish may shorten the grace, never lengthen it. */
  end(outcome: TaskEnd['outcome'], failure: Failure, graceMs: number): void {
    if (this.#phase !== 'running') return;
    const {clock, family} = this.#host;
    this.#decided ??= {outcome, failure};
    this.#stoppedAtMs ??= clock.monotonicMs();
    this.#abort.abort(new TaskStoppedError(failure.message));
    this.pace();
    void family.terminate();
    const atMs = clock.monotonicMs() + graceMs;
    if (this.#deadline !== undefined && this.#deadline.atMs <= atMs) return;
    this.#deadline?.cancel();
    this.#deadline = {atMs, cancel: clock.after(graceMs, () => void this.#overrun(graceMs))};
  }

  /** A fault of ours: the task must have an end nevertheless, and nobody should trust this engine with another. */
  engineFailed(error: unknown): void {
    this.#engineIsReusable = false;
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const {engineId} = this.#host.facts;
    const text = `The engine failed: ${what}. See host.log of engine ${engineId}.`;
    this.end('failed', failureOf(failureCode.engineFault, text, true), 0);
  }

  /** Looks again whether there is room, and lets those go on who wait for it. */
  pace(): void {
    if (this.#waiting.length === 0) return;
    if (!this.#abort.signal.aborted && !this.#host.hasRoom(this)) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const goOn of waiting) goOn();
  }

  /** The owner has everything. */
  discard(): void {
    this.spool.close();
    rmSync(this.#directory, {recursive: true, force: true});
  }

  /* What the code says */

  #context(): TaskContext {
    const {signal} = this.#abort;
    const openNext = async (make: (path: string) => Promise<ResultFile>): Promise<ResultFile> => {
      signal.throwIfAborted();
      const number = this.#resultsBegun++;
      const directory = join(this.#directory, 'results');
      mkdirSync(directory, {recursive: true, mode: 0o700});
      const file = await make(join(directory, `_${number}.dolphin`));
      this.#results[number] = file;
      return file;
    };
    return {
      signal,
      engine: this.#host.facts,
      log: (level, text) => this.#log(level, text),
      print: async text => {
        signal.throwIfAborted();
        this.#print(text);
        await this.#room();
        signal.throwIfAborted();
      },
      progress: (fraction, info) =>
        this.#report({progress: Math.min(1, Math.max(0, fraction)), info: info ?? []}),
      resultSet: columns => openNext(path => ResultFile.table(path, columns, signal)),
      textResult: async text => (await openNext(path => ResultFile.text(path, text, signal))).close(),
    };
  }

  #log(level: LogLevelName, text: string): void {
    const {clock, lineBytesMax} = this.#host;
    const line = engineLine(clock.now(), level, text);
    for (const block of cutLines(line.toString(), lineBytesMax).blocks) this.#append(recordType.log, block);
  }

  #print(text: string): void {
    const {lineBytesMax} = this.#host;
    const {blocks, hasLongLine} = cutLines(text, lineBytesMax);
    if (hasLongLine) {
      this.#log(
        'WARN',
        `A line below is longer than ${lineBytesMax} bytes; it is shown in pieces of that size.`,
      );
    }
    for (const block of blocks) this.#append(recordType.log, block);
  }

  async #room(): Promise<void> {
    if (this.#abort.signal.aborted || this.#host.hasRoom(this)) return;
    const {promise, resolve} = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    await promise;
  }

  /** Kept down to ten a second; the last one always arrives. */
  #report(progress: Progress): void {
    if (this.#phase !== 'running') return;
    this.#progress = progress;
    if (this.#progressTimer === undefined) this.#progressDue();
  }

  #progressDue(): void {
    this.#progressTimer = undefined;
    if (this.#progress === undefined) return;
    this.#writeProgress();
    this.#progressTimer = this.#host.clock.after(progressMs, () => this.#progressDue());
  }

  #writeProgress(): void {
    if (this.#progress === undefined) return;
    const progress = Buffer.from(JSON.stringify(this.#progress));
    this.#progress = undefined;
    this.#append(recordType.progress, progress);
  }

  #append(type: number, payload: Uint8Array): void {
    // What comes after the end, from code that did not stop, is nobody's.
    if (!this.#isStoring || this.#phase === 'ended') return;
    try {
      this.spool.append(type, payload);
    } catch (error) {
      if (!(error instanceof SpoolFullError)) throw error;
      // Nothing more is stored: a gap in the middle of a log would look like a whole one.
      this.#isStoring = false;
      this.#failStoring(diskFull(error.message));
      return;
    }
    this.#host.spoolGrew();
  }

  #failStoring(failure: Failure): void {
    // It ran well, but what it said is not all here.
    if (this.#decided?.outcome === 'succeeded') this.#decided = {outcome: 'failed', failure};
    else this.end('failed', failure, 0);
  }

  /* The end */

  /** The grace is over, and the code still runs: it ends with the process. */
  async #overrun(graceMs: number): Promise<void> {
    if (this.#phase !== 'running') return;
    this.#engineIsReusable = false;
    if (graceMs > 0)
      this.#log('WARN', `The code did not stop within ${graceMs} ms; its engine is ended with it.`);
    await this.#finish(true);
  }

  async #settled(natural: Decided): Promise<void> {
    if (this.#phase !== 'running') return;
    this.#decided ??= natural;
    await this.#finish(false);
  }

  async #finish(mustLeave: boolean): Promise<void> {
    this.#phase = 'finishing';
    this.#deadline?.cancel();
    for (const cancel of this.#timers) cancel();
    this.#timers = [];
    const survivors = await this.#host.family.endAll(text => this.#log('WARN', text));
    if (survivors.length > 0) {
      this.#engineIsReusable = false;
      this.#log('ERROR', `Processes that could not be ended: ${survivors.join(', ')}.`);
    }
    await this.#finishResults();
    this.#progressTimer?.();
    this.#writeProgress();
    this.#writeEnd(mustLeave, retriesMax);
  }

  /** Tables that are whole stay whatever the outcome; an open one is whole only if the code ran to its end. */
  async #finishResults(): Promise<void> {
    for (const file of this.#results) {
      if (file === undefined || !file.isOpen) continue;
      if (this.#decided?.outcome !== 'succeeded') {
        await file.discard();
        continue;
      }
      try {
        await file.close();
      } catch (error) {
        this.#decided = {outcome: 'failed', failure: failureFrom(error)};
      }
    }
  }

  /** What was done to end it, if it did not end by itself. */
  #receipt(): {readonly receipt?: EndReceipt} {
    if (this.#stoppedAtMs === undefined) return {};
    const {clock, family} = this.#host;
    const {signals, pids} = family.signalled();
    const tookMs = Math.round(clock.monotonicMs() - this.#stoppedAtMs);
    return {receipt: {signals, processesEnded: pids.length, pids: pids.slice(0, receiptPidsMax), tookMs}};
  }

  /** Must succeed for the owner to know: room is made, and if that does not help it is tried again for a while. */
  #writeEnd(mustLeave: boolean, retries: number): void {
    const end = {
      ...(this.#decided ?? {outcome: 'failed' as const}),
      resultCount: this.#results.findLastIndex(file => file?.isWhole) + 1,
      engineIsReusable: this.#engineIsReusable,
      ...this.#receipt(),
    };
    try {
      this.spool.appendJson(recordType.ended, end);
    } catch (error) {
      spendReserve();
      if (retries === 0)
        this.#host.giveUp(`The end of task ${this.taskID} cannot be stored: ${String(error)}`);
      else this.#host.clock.after(retryEndMs, () => this.#writeEnd(mustLeave, retries - 1));
      return;
    }
    this.#phase = 'ended';
    this.#host.ended(mustLeave);
  }
}
