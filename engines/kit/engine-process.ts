/**
 * An engine as a process: joins socket, task and limits, and decides what none of them can: who is obeyed, when there is
 * room, when to leave.
 */
import {rmSync} from 'node:fs';
import {join} from 'node:path';
import {systemClock} from '../../actors/runtime/clock.ts';
import {markVariable} from '../process-sweep.ts';
import {engineMark, engineRoot, makeReserve, workDirectory, writeEngineFiles} from './engine-files.ts';
import {EngineTask, taskDirectory, type TaskHost} from './engine-task.ts';
import type {LaunchLine} from './launch-line.ts';
import {watchLimits} from './limits-watch.ts';
import type {OwnerConnection} from './owner-connection.ts';
import {OwnerRefusal} from './owner-handshake.ts';
import {OwnerServer} from './owner-server.ts';
import {noFamily, processFamily, type ProcessFamily} from './process-family.ts';
import {SpoolFullError} from './spool-file.ts';
import type {EngineFacts, EngineTaskRequest, TaskContext} from './task-context.ts';
import {failureCode, failureOf} from './task-failure.ts';
import {graceMsOf, isWholeNumber, taskSpecOf} from './task-spec.ts';

/** Whoever launched us is on its way. */
const firstOwnerMs = 10_000;
/** For the owner to read the end over the socket; it can read the file as well. */
const leaveMs = 3000;
const closeMs = 2000;
const pollMs = 20;
const logBytesMax = 1024 * 1024;
const temporaryCharsMax = 60;

export type EngineProgram = {
  readonly run: (request: EngineTaskRequest, context: TaskContext) => Promise<void>;
  readonly startsProcesses: boolean;
  readonly close: () => Promise<void>;
};

type Request = Readonly<Record<string, unknown>>;

export class EngineProcess {
  readonly #launch: LaunchLine;
  readonly #program: EngineProgram;
  readonly #server: OwnerServer;
  readonly #taskHost: TaskHost;
  readonly #family: ProcessFamily;
  #task: EngineTask | undefined;
  #phase: 'serving' | 'leaving' | 'gone' = 'serving';
  #wasAttached = false;
  #cancelOrphan: (() => void) | undefined;
  #logBytes = 0;

  constructor(launch: LaunchLine, program: EngineProgram) {
    this.#launch = launch;
    this.#program = program;
    this.#family = program.startsProcesses ? processFamily(engineMark) : noFamily;
    const {engineId, secret, windowBytes, socketPath, lineBytesMax, killGraceMs} = launch;
    this.#server = new OwnerServer({
      engineId,
      secret,
      windowBytes,
      socketPath,
      clock: systemClock,
      claim: (_owner, epoch) => this.#claim(epoch),
      request: (connection, request) => this.#request(connection, request),
      ownerChanged: () => this.#ownerChanged(),
      connectionClosed: () => this.#leaveWhenQuiet(),
    });
    this.#taskHost = {
      clock: systemClock,
      facts: factsOf(launch),
      lineBytesMax,
      killGraceMs,
      family: this.#family,
      hasRoom: task => this.#hasRoom(task),
      spoolGrew: () => this.#server.owner?.pump(),
      watchLimits: onBreach => {
        const {limits} = launch;
        const watched = {limits, directory: engineRoot, family: this.#family, clock: systemClock};
        return watchLimits({...watched, graceMs: killGraceMs}, onBreach);
      },
      ended: mustLeave => this.#taskEnded(mustLeave),
      giveUp: why => this.#giveUp(why),
    };
  }

  /** Resolves when the engine can be reached. */
  async start(): Promise<void> {
    process.on('uncaughtException', error => this.#crashed(error));
    process.on('unhandledRejection', error => this.#crashed(error));
    process.on('SIGTERM', () => this.leave(this.#launch.killGraceMs));
    for (const name of ['SIGHUP', 'SIGINT', 'SIGQUIT'] as const) process.on(name, () => undefined);
    await writeEngineFiles(this.#launch);
    process.chdir(workDirectory);
    await this.#server.listen();
    this.#ownerChanged();
  }

  /** Ends the engine: its job first, whose end stays in the spool. */
  leave(graceMs: number): void {
    if (this.#phase === 'gone') return;
    this.#phase = 'leaving';
    this.#cancelOrphan?.();
    if (this.#task !== undefined && !this.#task.hasEnded) this.#task.kill(graceMs, 'killed');
    else this.#leaveWhenQuiet();
  }

  /* What the socket asks */

  #claim(epoch: number): Request {
    const task = this.#task;
    if (task !== undefined) this.#fence(task, epoch);
    const {engineId, engineType, user, creator} = this.#launch;
    return {
      engineId,
      engineType,
      user,
      creator,
      pid: process.pid,
      task:
        task === undefined
          ? null
          : {
              taskID: task.taskID,
              attempt: task.attempt,
              epoch: task.epoch,
              hasEnded: task.hasEnded,
              spoolSize: task.spool.size,
            },
    };
  }

  #fence(task: EngineTask, epoch: number): void {
    if (epoch < task.epoch) {
      throw new OwnerRefusal(
        'staleEpoch',
        `Task ${task.taskID} belongs to epoch ${task.epoch}; epoch ${epoch} is stale.`,
      );
    }
    if (epoch === task.epoch) return;
    try {
      task.raiseEpoch(epoch);
    } catch (error) {
      throw new OwnerRefusal('noRoom', `The new epoch could not be stored: ${String(error)}.`);
    }
  }

  #request(connection: OwnerConnection, request: Request): (() => void) | undefined {
    switch (request['type']) {
      case 'execute':
        return this.#execute(request);
      case 'follow':
        return this.#follow(connection, request);
      case 'kill':
        this.#kill(request);
        return undefined;
      case 'confirm':
        this.#confirm(request);
        return undefined;
      case 'shutdown': {
        const graceMs = graceMsOf(request);
        return () => this.leave(graceMs);
      }
      default:
        throw new OwnerRefusal('unknownRequest', `There is no request ${JSON.stringify(request['type'])}.`);
    }
  }

  #execute(request: Request): (() => void) | undefined {
    const spec = taskSpecOf(request);
    const former = this.#task;
    if (former !== undefined) {
      if (former.taskID !== spec.taskID || former.attempt !== spec.attempt) {
        throw new OwnerRefusal('busy', `The engine still has task ${former.taskID}.`);
      }
      // The answer to an earlier request was lost: it must not run twice.
      this.#fence(former, spec.epoch);
      return undefined;
    }
    if (this.#phase !== 'serving') throw new OwnerRefusal('leaving', 'The engine is ending.');
    const task = this.#newTask(spec);
    this.#task = task;
    this.#ownerChanged();
    return () => task.start(this.#program.run);
  }

  #newTask(spec: ReturnType<typeof taskSpecOf>): EngineTask {
    try {
      return new EngineTask(this.#taskHost, spec);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
        throw new OwnerRefusal(
          'knownTask',
          `This engine has had task ${spec.taskID}, attempt ${spec.attempt}.`,
        );
      }
      if (error instanceof SpoolFullError || (error instanceof Error && 'code' in error)) {
        throw new OwnerRefusal('noRoom', `The task could not be stored: ${error.message}.`);
      }
      throw error;
    }
  }

  #follow(connection: OwnerConnection, request: Request): () => void {
    const task = this.#taskIn(request);
    if (task === undefined) {
      throw new OwnerRefusal(
        'noSuchTask',
        `This engine has no task ${String(request['taskID'])}, attempt ${String(request['attempt'])}.`,
      );
    }
    const {from, acknowledged = from} = request;
    if (
      !isWholeNumber(from) ||
      !isWholeNumber(acknowledged) ||
      acknowledged > from ||
      from > task.spool.size
    ) {
      throw new OwnerRefusal(
        'badOffset',
        `The spool has ${task.spool.size} bytes; offset ${String(from)} (acknowledged ${String(acknowledged)}) is not in it.`,
      );
    }
    return () => connection.startFollowing(task, from, acknowledged);
  }

  #kill(request: Request): void {
    const graceMs = graceMsOf(request);
    // Killing what is gone already is done.
    this.#taskIn(request)?.kill(graceMs, request['why'] === 'timedOut' ? 'timedOut' : 'killed');
  }

  #confirm(request: Request): void {
    const task = this.#taskIn(request);
    const {taskID, attempt} = request;
    if (task === undefined) {
      if (isWholeNumber(taskID) && isWholeNumber(attempt)) {
        rmSync(taskDirectory(taskID, attempt), {recursive: true, force: true});
      }
      return;
    }
    if (!task.hasEnded) {
      throw new OwnerRefusal('notEnded', `Task ${task.taskID} has not ended; only an end can be confirmed.`);
    }
    this.#server.owner?.stopFollowing();
    task.discard();
    this.#task = undefined;
    makeReserve();
    this.#ownerChanged();
  }

  #taskIn({taskID, attempt}: Request): EngineTask | undefined {
    const task = this.#task;
    return task !== undefined && task.taskID === taskID && task.attempt === attempt ? task : undefined;
  }

  /* What the task asks */

  /** Nobody attached: up to `unattendedBytesMax` in the spool, then it waits. */
  #hasRoom(task: EngineTask): boolean {
    const following = this.#server.owner?.following;
    return following?.task === task
      ? task.spool.size - following.acknowledged < this.#launch.windowBytes
      : task.spool.size < this.#launch.unattendedBytesMax;
  }

  #taskEnded(mustLeave: boolean): void {
    this.#server.owner?.pump();
    if (mustLeave) {
      // The code is still running, and nothing of a job may be left after its end.
      this.#exit(1);
      return;
    }
    this.#ownerChanged();
    if (this.#phase === 'leaving') this.#leaveWhenQuiet();
  }

  /* Coming and going */

  /** Without an owner an idle engine leaves soon, a busy one has its time. */
  #ownerChanged(): void {
    this.#cancelOrphan?.();
    this.#cancelOrphan = undefined;
    this.#task?.pace();
    if (this.#server.owner !== undefined) {
      this.#wasAttached = true;
      return;
    }
    if (this.#phase !== 'serving') return;
    const {orphanBusyMs, orphanIdleMs} = this.#launch;
    if (this.#task !== undefined && !this.#task.hasEnded) {
      this.#cancelOrphan = systemClock.after(orphanBusyMs, () => this.#abandon(orphanBusyMs));
    } else {
      const idleMs = this.#wasAttached ? orphanIdleMs : Math.max(orphanIdleMs, firstOwnerMs);
      this.#cancelOrphan = systemClock.after(idleMs, () => this.leave(0));
    }
  }

  #abandon(waitedMs: number): void {
    this.#phase = 'leaving';
    const why = `No node has owned the job for ${waitedMs} ms, so its engine ended it.`;
    this.#task?.end('timedOut', failureOf(failureCode.timedOut, why), this.#launch.killGraceMs);
  }

  #leaveWhenQuiet(): void {
    if (this.#phase !== 'leaving') return;
    if (this.#task !== undefined && !this.#task.hasEnded) return;
    this.#phase = 'gone';
    void this.#goQuietly();
  }

  async #goQuietly(): Promise<void> {
    const startMs = systemClock.monotonicMs();
    const within = (limitMs: number): boolean => systemClock.monotonicMs() - startMs < limitMs;
    while (this.#server.owner?.hasMore === true && within(leaveMs)) await pause(pollMs);
    this.#server.close();
    await Promise.race([this.#program.close().catch(() => undefined), pause(closeMs)]);
    while (!this.#server.isQuiet && within(leaveMs)) await pause(pollMs);
    const left = await this.#family.endAll(() => undefined);
    this.#exit(left.length === 0 ? 0 : 1);
  }

  #giveUp(why: string): void {
    this.#writeLog(`${why}\n`);
    this.#exit(1);
  }

  /** 0 promises that nothing of the engine is left; whoever launched it looks after anything else. */
  #exit(code: 0 | 1): void {
    rmSync(this.#launch.socketPath, {force: true});
    process.exit(code);
  }

  #crashed(error: unknown): void {
    this.#writeLog(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    if (this.#task !== undefined && !this.#task.hasEnded) this.#task.engineFailed(error);
  }

  /** Standard error is host.log; bounded, since nobody rotates it. */
  #writeLog(text: string): void {
    if (this.#logBytes > logBytesMax) return;
    this.#logBytes += text.length;
    process.stderr.write(text);
  }
}

const pause = (ms: number): Promise<void> => new Promise(done => void systemClock.after(ms, () => done()));

function factsOf({
  engineId,
  engineType,
  user,
  creator,
  limits,
  properties,
  environment,
}: LaunchLine): EngineFacts {
  const own = {TENON_ENGINE_ID: engineId, [markVariable]: engineMark};
  const temporary = join(engineRoot, 'tmp');
  // Longer, and the sockets that programs put there would not fit into a socket address.
  const place = temporary.length <= temporaryCharsMax ? {TMPDIR: temporary} : {};
  return {
    engineId,
    engineType,
    user,
    creator,
    limits,
    properties,
    environment: {...environment, ...place, ...own},
    workDirectory,
  };
}
