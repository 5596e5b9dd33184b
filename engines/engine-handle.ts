/**
 * One engine process as its owner sees it.
 *
 *     attached ──link lost──▶ reading the spool file ──▶ attaching again ──▶ attached
 *         └──────process gone──▶ sweeping ──▶ spool read to its end ──▶ exited
 *
 * Every byte of a spool comes either from the socket or from the file; the follower joins both by offset.
 */
import {NeverBegunError} from '../actors/ecm-errors.ts';
import type {EngineOrigin, LocalEngine, ResultFile} from '../actors/ecm-port.ts';
import type {EngineExit, EngineHandle, EngineTask} from '../actors/ports.ts';
import {EngineAwayError, EngineBusyError, EngineRefusedError, StaleEpochError} from './engine-errors.ts';
import {clearAfterDeath} from './engine-death.ts';
import {storedTasks, storeEpoch, type StoredTask} from './engine-directory.ts';
import type {EngineState} from './engine-handshake.ts';
import type {HandleOptions} from './engine-handle-options.ts';
import {removeEngineFiles} from './engine-owner.ts';
import {attachEngine, type EngineLink} from './engine-link.ts';
import {isAlive, signalProcess} from './process-identity.ts';
import {LinkSlot} from './link-slot.ts';
import {OwedTask} from './owed-task.ts';
import {publishResultFiles} from './result-publisher.ts';
import {listResultFiles, readResultFile} from './result-reader.ts';
import {createTaskStream, type TaskStream} from './task-stream.ts';

const backoffMsMin = 5;
const backoffMsMax = 1000;
/** An engine that does not answer so soon may be dead, which is looked at between two attempts. */
const reattachTimeoutMs = 2000;
/** Beyond the grace: stopping, killing and writing the end. Then the host itself is killed. */
const shutdownSlackMs = 10_000;

/** Resolves when attached, or at once for a dead engine. Rejects like `attachEngine`. */
export async function openEngineHandle(options: HandleOptions): Promise<LocalEngine> {
  const handle = new ProcessEngineHandle(options);
  await handle.begin();
  return handle;
}

class ProcessEngineHandle implements LocalEngine {
  readonly engineId: string;
  readonly pid: number;
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  readonly task?: StoredTask;
  readonly origin?: EngineOrigin;
  readonly exited: Promise<EngineExit>;
  readonly lost: Promise<void>;
  readonly #options: HandleOptions;
  readonly #exit = Promise.withResolvers<EngineExit>();
  readonly #lost = Promise.withResolvers<void>();
  /** Resolves when the process and all it started are gone. */
  readonly #swept = Promise.withResolvers<void>();
  readonly #slot = new LinkSlot();
  #state: 'live' | 'gone' | 'detached' = 'live';
  #displaced: string | undefined;
  #claimEpoch: number;
  /** The highest epoch for its task that the engine is known to have heard of. */
  #obeyed = 0;
  readonly #stream: TaskStream;
  readonly #owed: OwedTask;
  #rest: Promise<void> = Promise.resolve();
  #killWish:
    | {readonly taskID: number; readonly attempt: number; readonly graceMs: number; readonly why: string}
    | undefined;

  constructor(options: HandleOptions) {
    const {record, task, origin} = options;
    this.#options = options;
    this.engineId = record.engineId;
    this.pid = record.pid;
    this.engineType = record.engineType;
    this.user = record.user;
    this.creator = record.creator;
    if (task !== undefined) this.task = task;
    if (origin !== undefined) this.origin = origin;
    this.#claimEpoch = task?.epoch ?? 0;
    this.#owed = new OwedTask(task);
    this.exited = this.#exit.promise;
    this.lost = this.#lost.promise;
    const {directory, clock, log, windowBytes} = options;
    this.#stream = createTaskStream({
      engineId: this.engineId,
      directory,
      clock,
      log,
      windowBytes,
      // The job must get its end, and this engine can't tell it any more.
      onDamaged: () => void signalProcess(record, 'SIGKILL'),
    });
  }

  async begin(): Promise<void> {
    if (this.#options.isLive) {
      const link = await this.#attach(this.#options.requestTimeoutMs);
      void this.#superviseSafely(link);
    } else {
      void this.#superviseSafely(undefined);
    }
  }

  async execute(task: EngineTask): Promise<void> {
    const link = await this.#linked();
    const {taskID} = task;
    const before = this.#claimEpoch;
    // Before the answer: if that is lost the engine may have the task, and would refuse an older claim.
    this.#claimEpoch = task.epoch;
    try {
      await link.request('execute', {...task});
    } catch (error) {
      if (!(error instanceof EngineAwayError)) this.#claimEpoch = before;
      if (error instanceof EngineRefusedError && ['busy', 'leaving', 'knownTask'].includes(error.reason)) {
        throw new EngineBusyError(this.engineId, taskID, error.message);
      }
      throw error;
    }
    this.#obeyed = task.epoch;
    this.#owed.owe(task);
  }

  follow(
    taskID: number,
    attempt: number,
    fromOffset: number,
    consume: Parameters<EngineHandle['follow']>[3],
  ): void {
    this.#stream.follow(taskID, attempt, fromOffset, consume);
    this.#owed.wake(taskID, attempt);
    if (this.#state === 'gone') this.#rest = this.#readRest(taskID);
  }

  kill(taskID: number, attempt: number, graceMs: number, why: 'killed' | 'timedOut'): void {
    this.#killWish = {taskID, attempt, graceMs, why};
    this.#sendKillWish();
  }

  unfollow(): void {
    this.#stream.unfollow();
    // The engine would go on sending to this connection, and wait for acknowledgements that never come.
    this.#relink();
  }

  drained(): Promise<void> {
    return this.#rest;
  }

  async publishResults(taskID: number, attempt: number, directory: string): Promise<number> {
    const {path, results} = this.#options.directory;
    return publishResultFiles(results(taskID, attempt), directory, path);
  }

  async listResults(taskID: number, attempt: number): Promise<readonly ResultFile[]> {
    return listResultFiles(this.#options.directory.results(taskID, attempt));
  }

  async readResult(taskID: number, attempt: number, file: string, offset: number, bytesMax: number) {
    const {path, results} = this.#options.directory;
    return readResultFile(path, results(taskID, attempt), file, offset, bytesMax);
  }

  async raiseEpoch(taskID: number, attempt: number, epoch: number): Promise<void> {
    this.#claimEpoch = Math.max(this.#claimEpoch, epoch);
    let told: EngineState | undefined;
    while (this.#state === 'live' && this.#obeyed < epoch) {
      this.#relink();
      ({state: told} = await this.#linked());
    }
    if (told !== undefined && (told.task?.taskID !== taskID || told.task.attempt !== attempt)) {
      throw new NeverBegunError(this.engineId, taskID, attempt);
    }
    if (this.#state === 'gone') await storeEpoch(this.#options.directory, taskID, attempt, epoch);
  }

  async confirm(taskID: number, attempt: number): Promise<void> {
    for (;;) {
      if (this.#state === 'gone') {
        await removeEngineFiles(this.#options.directory.jobDirectory(taskID, attempt));
        break;
      }
      try {
        const link = await this.#linked();
        await link.request('confirm', {taskID, attempt});
        break;
      } catch (error) {
        // Whether it lives again or dies, the next round knows what to do.
        if (!(error instanceof EngineAwayError) || this.#state === 'detached') throw error;
      }
    }
    if (this.#killWish?.taskID === taskID) this.#killWish = undefined;
    this.#stream.forget(taskID, attempt);
    this.#owed.settle(taskID, attempt);
    if (this.#state === 'gone') await this.#removeIfEmpty();
  }

  async shutdown(graceMs: number): Promise<void> {
    if (this.#state === 'detached') return;
    const {clock, record, log} = this.#options;
    const cancel = clock.after(graceMs + shutdownSlackMs, () => {
      log.warn({engineId: this.engineId, pid: this.pid}, 'the engine did not end in time and is killed');
      void signalProcess(record, 'SIGKILL');
    });
    try {
      await (await this.#linked()).request('shutdown', {graceMs});
    } catch (error) {
      // Unreachable but alive: TERM means the same to the host, with its own grace.
      log.debug({engineId: this.engineId, err: error}, 'shutdown by signal');
      await signalProcess(record, 'SIGTERM');
    }
    await this.#swept.promise;
    cancel();
  }

  detach(): void {
    this.#options.claim.release();
    this.#leave();
  }

  #leave(): void {
    if (this.#state !== 'live') return;
    this.#state = 'detached';
    this.#options.observer?.released(this);
    this.#stream.stop();
    this.#slot.link?.close();
    this.#slot.wake();
  }

  /* The life of the link */

  async #superviseSafely(link: EngineLink | undefined): Promise<void> {
    try {
      await this.#supervise(link);
    } catch (error) {
      // Nothing above expects an error; an engine that cannot be read must still be reported as gone.
      this.#options.log.error({engineId: this.engineId, err: error}, 'the engine is given up');
      this.#state = 'gone';
      this.#swept.resolve();
      this.#exit.resolve({reason: error instanceof Error ? error.message : String(error)});
    }
  }

  async #supervise(first: EngineLink | undefined): Promise<void> {
    const {clock, log, isLive} = this.#options;
    let link = first;
    let backoffMs = backoffMsMin;
    while (isLive) {
      if (link !== undefined) {
        backoffMs = backoffMsMin;
        const {why, isDisplaced} = await this.#serve(link);
        if (this.#isDetached()) return;
        if (isDisplaced) {
          this.#giveWay(why);
          return;
        }
        log.debug({engineId: this.engineId, why}, 'the link to the engine was lost');
      }
      await this.#stream.catchUp();
      const isClaimed = await this.#options.claim.isHeld();
      if (this.#isDetached()) return;
      if (!isClaimed) {
        this.#giveWay('another process of this host has claimed it');
        return;
      }
      if (!(await isAlive(this.#options.record))) break;
      const {promise, resolve} = Promise.withResolvers<void>();
      const cancel = clock.after(backoffMs, resolve);
      await Promise.race([promise, this.#options.childExit ?? promise]);
      cancel();
      backoffMs = Math.min(backoffMsMax, backoffMs * 2);
      try {
        link = await this.#attach(reattachTimeoutMs);
      } catch (error) {
        link = undefined;
        if (error instanceof StaleEpochError) {
          this.#giveWay(error.message);
          return;
        }
      }
      if (this.#isDetached()) return;
    }
    await this.#afterDeath();
  }

  async #attach(attachTimeoutMs: number): Promise<EngineLink> {
    const {record, secret, owner, clock, requestTimeoutMs} = this.#options;
    const epoch = this.#claimEpoch;
    const link = await attachEngine({
      engineId: this.engineId,
      socketPath: record.socketPath,
      secret,
      claim: {owner, epoch},
      attachTimeoutMs,
      requestTimeoutMs,
      clock,
      onData: this.#stream.accept,
    });
    this.#obeyed = epoch;
    return link;
  }

  async #serve(link: EngineLink): Promise<{readonly why: string; readonly isDisplaced: boolean}> {
    if (this.#isDetached()) {
      link.close();
      return link.closed;
    }
    this.#slot.set(link);
    this.#stream.use(link);
    this.#sendKillWish();
    const end = await link.closed;
    this.#slot.set(undefined);
    this.#stream.use(undefined);
    return end;
  }

  /** A later owner has the engine: we neither end it nor tell its exit. */
  #giveWay(why: string): void {
    this.#displaced = why;
    this.#options.log.warn({engineId: this.engineId, why}, 'the engine has another owner now');
    this.#leave();
    this.#lost.resolve();
  }

  /** Ends the connection; the supervision attaches again, with the claim as it is then. */
  #relink(): void {
    const {link} = this.#slot;
    this.#slot.set(undefined);
    this.#stream.use(undefined);
    link?.close();
  }

  // A method, so that the compiler does not believe that awaiting changes nothing.
  #isDetached(): boolean {
    return this.#state === 'detached';
  }

  async #linked(): Promise<EngineLink> {
    const {clock, requestTimeoutMs} = this.#options;
    if (this.#slot.link === undefined && this.#state === 'live')
      await this.#slot.next(clock, requestTimeoutMs);
    const {link} = this.#slot;
    if (link !== undefined) return link;
    if (this.#displaced !== undefined) throw new StaleEpochError(this.engineId, this.#displaced);
    throw new EngineAwayError(
      this.engineId,
      this.#state === 'live'
        ? `no connection in ${requestTimeoutMs} ms`
        : `its process ${this.pid} is ${this.#state}`,
    );
  }

  #sendKillWish(): void {
    if (this.#killWish === undefined || this.#slot.link === undefined) return;
    this.#slot.link.request('kill', this.#killWish).catch((error: unknown) => {
      // A lost link sends it again when it is back.
      this.#options.log.debug({engineId: this.engineId, err: error}, 'the kill did not arrive');
    });
  }

  /* The end */

  async #afterDeath(): Promise<void> {
    this.#state = 'gone';
    this.#slot.wake();
    const reason = await clearAfterDeath(this.#options);
    this.#swept.resolve();
    await this.#owed.settled(() => this.#stream.isFollowing());
    const unread = await this.#stream.finish();
    await this.#removeIfEmpty();
    this.#exit.resolve({
      reason: unread === 0 ? reason : `${reason}; ${unread} bytes at the end of its spool are damaged`,
    });
  }

  /** For a follower that comes after the end: the file is all there is, and it does not grow. */
  async #readRest(taskID: number): Promise<void> {
    try {
      await this.#stream.finish();
    } catch (error) {
      this.#options.log.error(
        {engineId: this.engineId, taskID, err: error},
        'the spool of a dead engine cannot be read',
      );
    }
  }

  /** The directory stays as long as it holds a spool that nobody has confirmed. */
  async #removeIfEmpty(): Promise<void> {
    const {directory, observer} = this.#options;
    if ((await storedTasks(directory)).length > 0) return;
    await observer?.removing(this.engineId, directory.path);
    await removeEngineFiles(directory.path);
  }
}
