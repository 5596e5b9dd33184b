/**
 * The main thread's side of the database's thread. Every question is answered or rejected: at its deadline, when too
 * many wait, and when the thread dies, always with `DatabaseAwayError`, for then nobody knows whether the work was done. A thread
 * that died is started again, after a pause that grows.
 */
import {extname} from 'node:path';
import {Worker} from 'node:worker_threads';
import {DatabaseAwayError} from '../actors/ports.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import type {Random} from '../actors/runtime/random.ts';
import {unpackFailure} from './worker-failure.ts';
import type {
  AnswerOf,
  DatabaseApi,
  DatabaseKind,
  Question,
  Reply,
  Request,
  WorkerSettings,
} from './worker-protocol.ts';

export type WorkerLog = (level: 'info' | 'warn', message: string) => void;

export type WorkerClientOptions = {
  readonly settings: WorkerSettings;
  readonly log: WorkerLog;
  readonly clock: Clock;
  readonly random: Random;
  /** The thread's program. Default: `database-worker`. */
  readonly program?: URL;
};

const openRequestsMax = 10_000;
/** Long, since a large history may have to be brought up to date; what can't be reached is told much earlier. */
const openTimeoutMs = 600_000;
const closeTimeoutMs = 10_000;
const restartDelayMs = {first: 100, max: 5_000};
// Few and small: an idle thread must be cheap. Batches of new jobs are what needs the young generation.
const resourceLimits = {maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 1_024};

// As source or built: the neighbour has the same ending as this file.
const databaseWorker = new URL(
  `./database-worker${extname(new URL(import.meta.url).pathname)}`,
  import.meta.url,
);

type Open = {readonly settle: (reply: Reply) => void; readonly reject: (error: Error) => void};

type Phase =
  | {readonly type: 'starting'; readonly worker: Worker}
  | {readonly type: 'open'; readonly worker: Worker}
  | {readonly type: 'restarting'; readonly cancel: () => void}
  | {readonly type: 'closed'};

export class WorkerClient {
  readonly #options: WorkerClientOptions;
  readonly #open = new Map<number, Open>();
  #phase: Phase = {type: 'closed'};
  #lastId = 0;
  #failuresInRow = 0;
  #whyAway = '';

  private constructor(options: WorkerClientOptions) {
    this.#options = options;
  }

  /** Rejects with what the thread says when it can't open the database. */
  static async start(options: WorkerClientOptions): Promise<{client: WorkerClient; kind: DatabaseKind}> {
    const client = new WorkerClient(options);
    return {client, kind: await client.#startWorker()};
  }

  /** Rejects with `DatabaseAwayError`, with a `LinkisError` of the store, or with `DatabaseFaultError`. */
  ask<Q extends Question>(
    question: Q,
    values: Parameters<DatabaseApi[Q]>,
    budgetMs: number,
  ): Promise<AnswerOf<Q>> {
    const phase = this.#phase;
    if (phase.type !== 'open') {
      return Promise.reject(new DatabaseAwayError(this.#whyAway, {isUndone: true}));
    }
    if (this.#open.size >= openRequestsMax) {
      return Promise.reject(
        new DatabaseAwayError(`${this.#open.size} requests wait for the database; more are not taken.`, {
          isUndone: true,
        }),
      );
    }
    const id = (this.#lastId += 1);
    return new Promise<AnswerOf<Q>>((resolve, reject) => {
      const cancel = this.#options.clock.after(budgetMs, () => {
        this.#open.delete(id);
        reject(new DatabaseAwayError(`The database did not answer ${question} within ${budgetMs} ms.`));
      });
      this.#open.set(id, {
        settle: reply => {
          cancel();
          if (reply.type === 'failure') reject(unpackFailure(reply.failure));
          // The thread answers each question by its own function, whose type this is.
          else if (reply.type === 'answer') resolve(reply.value as AnswerOf<Q>);
        },
        reject: error => {
          cancel();
          reject(error);
        },
      });
      const request: Request = {id, question, values, budgetMs};
      phase.worker.postMessage(request);
    });
  }

  /** Lets what was asked finish, then ends the thread. */
  async close(): Promise<void> {
    const phase = this.#phase;
    if (phase.type === 'open') {
      // A thread that does not close in time is ended all the same.
      await this.ask('close', [], closeTimeoutMs).catch(() => undefined);
    }
    this.#leave('The database is closed.');
    if (phase.type === 'restarting') phase.cancel();
    if (phase.type === 'open' || phase.type === 'starting') await phase.worker.terminate();
  }

  #startWorker(): Promise<DatabaseKind> {
    const {settings, log, clock, program = databaseWorker} = this.#options;
    const worker = new Worker(program, {name: 'database', workerData: settings, resourceLimits});
    this.#phase = {type: 'starting', worker};
    this.#whyAway = 'The database is being opened.';
    return new Promise<DatabaseKind>((resolve, reject) => {
      const fail = (error: Error): void => {
        cancelTimeout();
        reject(error);
        this.#died(worker, error);
        // It may have more to do, such as a connection that is still being tried; nobody waits for it any more.
        void worker.terminate();
      };
      const cancelTimeout = clock.after(openTimeoutMs, () => {
        fail(new DatabaseAwayError(`The database was not opened within ${openTimeoutMs} ms.`));
      });
      worker.on('message', (reply: Reply) => {
        switch (reply.type) {
          case 'opened':
            cancelTimeout();
            this.#failuresInRow = 0;
            this.#phase = {type: 'open', worker};
            return resolve(reply.kind);
          case 'notOpened': {
            const error = unpackFailure(reply.failure);
            this.#whyAway = error.message;
            return fail(error);
          }
          case 'log':
            return log(reply.level, reply.message);
          case 'answer':
          case 'failure': {
            const open = this.#open.get(reply.id);
            this.#open.delete(reply.id);
            return open?.settle(reply);
          }
        }
      });
      worker.on('error', error => {
        fail(
          new DatabaseAwayError(
            `The database's thread ended: ${error instanceof Error ? error.message : String(error)}`,
          ),
        );
      });
      worker.on('exit', code =>
        fail(new DatabaseAwayError(`The database's thread ended with code ${code}.`)),
      );
    });
  }

  #died(worker: Worker, error: Error): void {
    const phase = this.#phase;
    if ((phase.type !== 'open' && phase.type !== 'starting') || phase.worker !== worker) return;
    const wasOpen = phase.type === 'open' || this.#failuresInRow > 0;
    this.#leave(error.message);
    // The first start is the caller's business: it gets the reason, and nothing goes on behind its back.
    if (wasOpen) this.#restartLater();
  }

  #leave(why: string): void {
    this.#phase = {type: 'closed'};
    this.#whyAway = why;
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const {reject} of open) reject(new DatabaseAwayError(why));
  }

  #restartLater(): void {
    const {clock, random, log} = this.#options;
    const delayMs = Math.min(restartDelayMs.max, restartDelayMs.first * 2 ** this.#failuresInRow);
    const jitteredMs = delayMs * (0.5 + random.next() / 2);
    this.#failuresInRow += 1;
    log('warn', `${this.#whyAway} Opening the database again in ${Math.round(jitteredMs)} ms.`);
    const cancel = clock.after(jitteredMs, () => {
      // Its failure has been logged and leads to the next restart.
      this.#startWorker().catch(() => undefined);
    });
    this.#phase = {type: 'restarting', cancel};
  }
}
