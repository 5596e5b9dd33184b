/** An engine as its owner uses it, on whichever node its process is: commands go through the ECM that holds it. */
import {EngineDisplacedError, EngineLostError} from './ecm-errors.ts';
import {Attachment, type AttachmentStart, type AttachmentWorld, type CommandBase} from './ecm-attachment.ts';
import {isSameTask} from './ecm-engine.ts';
import {createInlet, type Inlet} from './ecm-inlet.ts';
import type {ResultFile, ResultSink} from './ecm-port.ts';
import {
  resultBytesMax,
  type AttachReport,
  type EcmCommand,
  type FlowPosition,
  type OwnerNotice,
  type TakenMessage,
  type TaskClaim,
} from './ecm-protocol.ts';
import type {EngineExit, EngineHandle, EngineTask} from './ports.ts';
import type {Ref} from './runtime/ref.ts';

export type RemoteEngineWorld = AttachmentWorld & {readonly results: ResultSink};

/** A handle, as the driver that made it sees it. */
export type RemoteEngine = EngineHandle & {
  readonly notice: (notice: OwnerNotice) => void;
  /** See `Attachment`. */
  readonly check: () => void;
  readonly look: () => void;
  /** Its node ends: it falls silent, and the engine is left as it is. */
  readonly close: () => void;
  /** Nothing will ever come of it again. */
  readonly isOver: () => boolean;
};

const askMs = 15_000;
/** Beyond the grace: what the engine's own handle allows for, and a little more. */
const shutdownSlackMs = 20_000;

export const openRemoteEngine = (world: RemoteEngineWorld, start: AttachmentStart): RemoteEngine =>
  new OwnedEngine(world, start);

class OwnedEngine implements RemoteEngine {
  readonly engineId: string;
  readonly pid: number;
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  readonly task?: TaskClaim;
  readonly exited: Promise<EngineExit>;
  readonly #world: RemoteEngineWorld;
  readonly #attachment: Attachment;
  readonly #exit = Promise.withResolvers<EngineExit>();
  /** Given to the engine and not confirmed yet, as far as we know. */
  #known: TaskClaim | undefined;
  #confirming: Promise<void> = Promise.resolve();
  #inlet: Inlet | undefined;
  #opening: 'no' | 'yes' | 'again' = 'no';
  #exitReason: string | undefined;
  #isOver = false;

  constructor(world: RemoteEngineWorld, start: AttachmentStart) {
    const {engine, exited} = start.report;
    this.#world = world;
    this.engineId = engine.engineId;
    this.pid = engine.pid;
    this.engineType = engine.engineType;
    this.user = engine.user;
    this.creator = engine.creator;
    if (engine.task !== undefined) this.task = engine.task;
    this.#known = engine.task;
    this.exited = this.#exit.promise;
    this.#attachment = new Attachment(world, start, {
      known: () => this.#known,
      found: report => this.#found(report),
      lost: why => this.#lost(why),
      quiet: () => this.#inlet?.stop(),
    });
    if (exited !== undefined) this.#hasExited(exited);
  }

  async execute(task: EngineTask): Promise<void> {
    // Until then the ECM, or one that finds the engine after it, takes it for still having the task before.
    await this.#confirming;
    const {taskID, attempt, epoch} = task;
    const before = this.#known;
    let mayHaveBegun = false;
    // Before the answer: if that is lost, the engine may have the task.
    this.#known = {taskID, attempt, epoch};
    try {
      await this.#attachment.call<void>(
        base => ({...base, type: 'execute', task}),
        askMs,
        () => {
          mayHaveBegun = true;
        },
      );
    } catch (error) {
      // To reject would have the job begun again elsewhere: the exit, or the next owner, tells what became of it.
      if (mayHaveBegun && (error instanceof EngineLostError || error instanceof EngineDisplacedError)) return;
      this.#known = before;
      throw error;
    }
  }

  follow(
    taskID: number,
    attempt: number,
    fromOffset: number,
    consume: Parameters<EngineHandle['follow']>[3],
  ): void {
    const {clock, log} = this.#world;
    const {engineId} = this;
    this.#inlet?.stop();
    this.#inlet = createInlet({
      path: `/engines/${engineId}/inlet`,
      task: {taskID, attempt},
      fromOffset,
      consume,
      clock,
      onNews: () => this.#attachment.heard(),
      onGap: () => {
        log.debug({engineId, taskID}, 'output was lost on the way, and is asked for again');
        void this.#openFlow();
      },
      onConsumerFailed: error => log.warn({engineId, taskID, err: error}, 'events were not taken over'),
    });
    void this.#openFlow();
  }

  kill(taskID: number, attempt: number, graceMs: number, why: 'killed' | 'timedOut'): void {
    const task = {taskID, attempt};
    this.#call<void>(base => ({...base, type: 'kill', task, graceMs, why})).catch((error: unknown) => {
      this.#world.log.debug({engineId: this.engineId, taskID, err: error}, 'there is nothing to kill');
    });
  }

  async publishResults(taskID: number, attempt: number, directory: string): Promise<number> {
    const {results} = this.#world;
    const task = {taskID, attempt};
    if (await this.#attachment.isLocal()) {
      return this.#call<number>(base => ({...base, type: 'publishResults', task, directory}));
    }
    const files = await this.#call<readonly ResultFile[]>(base => ({...base, type: 'listResults', task}));
    for (const {name: file} of files) {
      await results.store(directory, file, offset =>
        this.#call<Uint8Array>(base => ({
          ...base,
          type: 'readResult',
          task,
          file,
          offset,
          bytesMax: resultBytesMax,
        })),
      );
    }
    return results.count(directory);
  }

  confirm(taskID: number, attempt: number): Promise<void> {
    const confirmed = this.#confirm(taskID, attempt);
    this.#confirming = confirmed.catch(() => undefined);
    return confirmed;
  }

  async #confirm(taskID: number, attempt: number): Promise<void> {
    const task = {taskID, attempt};
    await this.#call<void>(base => ({...base, type: 'confirm', task}));
    if (isSameTask(task, this.#inlet?.task)) {
      this.#inlet?.stop();
      this.#inlet = undefined;
    }
    if (isSameTask(task, this.#known)) this.#known = undefined;
    this.#settleExit();
  }

  async shutdown(graceMs: number): Promise<void> {
    try {
      await this.#call<void>(base => ({...base, type: 'shutdown', graceMs}), graceMs + shutdownSlackMs);
    } catch (error) {
      // What is gone, or another's, is not ours to end; nor will anything be heard of it, so for its owner this is the end.
      if (!(error instanceof EngineLostError) && !(error instanceof EngineDisplacedError)) throw error;
      this.#exit.resolve({reason: error.message});
    }
  }

  detach(): void {
    this.#attachment.release();
  }

  notice(notice: OwnerNotice): void {
    if (notice.type === 'displaced') this.#attachment.giveWay(`the node ${notice.by} has taken it over`);
    else this.#hasExited(notice.reason, notice.flow);
  }

  check(): void {
    this.#attachment.check();
  }

  look(): void {
    this.#attachment.look();
  }

  close(): void {
    this.#attachment.close();
  }

  isOver(): boolean {
    return this.#isOver || this.#attachment.isOver();
  }

  #call<Value>(make: (base: CommandBase<Value>) => EcmCommand, timeoutMs = askMs): Promise<Value> {
    return this.#attachment.call(make, timeoutMs);
  }

  /** Has the ECM send what the inlet lacks; one question at a time. */
  async #openFlow(): Promise<void> {
    if (this.#opening !== 'no') {
      this.#opening = 'again';
      return;
    }
    do {
      this.#opening = 'yes';
      const inlet = this.#inlet;
      if (inlet === undefined) break;
      let flowNumber = 0;
      try {
        const {flow} = await this.#call<{readonly flow: Ref<TakenMessage>}>(base => {
          // Repeated, it begins where the flow before has brought us.
          const {flow: number, consumer, fromOffset} = inlet.open();
          flowNumber = number;
          return {...base, type: 'follow', task: inlet.task, flow: number, consumer, fromOffset};
        });
        inlet.granted(flowNumber, flow);
      } catch (error) {
        this.#world.log.debug({engineId: this.engineId, err: error}, 'the task can not be followed');
      }
    } while (this.#needsAnotherFlow());
    this.#opening = 'no';
  }

  #needsAnotherFlow(): boolean {
    return this.#opening === 'again' && !this.isOver();
  }

  #found({flow, exited}: AttachReport): void {
    const inlet = this.#inlet;
    if (inlet !== undefined) {
      const isWhole = flow !== undefined && inlet.isFlow(flow.number) && flow.sent === inlet.received();
      if (isWhole) inlet.acknowledge();
      else void this.#openFlow();
    }
    // An engine that is gone may still have output for us; the notice of its exit comes behind that.
    if (exited !== undefined && (inlet === undefined || flow?.isFinished === true))
      this.#hasExited(exited, flow);
  }

  #lost(why: string): void {
    const inlet = this.#inlet;
    const settled = inlet === undefined ? Promise.resolve() : inlet.taken(inlet.received());
    void settled.then(() => this.#exit.resolve({reason: this.#exitReason ?? why}));
  }

  /** The exit comes behind the output; who does not follow yet is owed that first, until he confirms. */
  #hasExited(reason: string, flow?: FlowPosition): void {
    this.#exitReason ??= reason;
    const inlet = this.#inlet;
    if (inlet === undefined || flow === undefined || !inlet.isFlow(flow.number)) this.#settleExit();
    else void inlet.taken(flow.sent).then(() => this.#tellExit());
  }

  #settleExit(): void {
    if (this.#exitReason !== undefined && this.#known === undefined) this.#tellExit();
  }

  #tellExit(): void {
    this.#isOver = this.#known === undefined;
    this.#exit.resolve({reason: this.#exitReason ?? 'it has ended'});
  }
}
