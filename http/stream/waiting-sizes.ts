/** Linkis' push of how many jobs wait in a job's queue, while that job waits there itself. */
import type {Governance} from '../../actors/governance.ts';
import type {StoredJob} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import type {Outlet} from './job-subscription.ts';
import {waitingExecIdOf} from './legacy-exec-id.ts';
import {methodOf, success, texts} from './linkis-frames.ts';

const firstMs = 60_000;
const everyMs = 30_000;

export class WaitingSizes {
  readonly #outlet: Outlet;
  readonly #dependencies: {readonly governance: Governance; readonly clock: Clock};
  /** Cancels the next look, by job. */
  readonly #timers = new Map<number, () => void>();

  constructor(outlet: Outlet, dependencies: {readonly governance: Governance; readonly clock: Clock}) {
    this.#outlet = outlet;
    this.#dependencies = dependencies;
  }

  watch(job: StoredJob, websocketTag: string): void {
    this.#arm(firstMs, job, websocketTag);
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #arm(delayMs: number, job: StoredJob, websocketTag: string): void {
    const {clock} = this.#dependencies;
    this.#timers.get(job.row.id)?.();
    this.#timers.set(
      job.row.id,
      clock.after(delayMs, () => void this.#look(job, websocketTag)),
    );
  }

  async #look(job: StoredJob, websocketTag: string): Promise<void> {
    const {governance} = this.#dependencies;
    const {id: taskID, executeUser, engineType} = job.row;
    const isQueued = await governance.find(taskID).then(
      view => view !== undefined && ['Inited', 'Scheduled', 'WaitForRetry'].includes(view.status),
      // The database is away: the job may well still wait, and the next look asks again.
      () => true,
    );
    if (!isQueued || !this.#timers.has(taskID)) {
      this.#timers.delete(taskID);
      return;
    }
    const groupName = `${job.facts.creator}_${executeUser}_${engineType}`;
    const group = governance.load().find(({group: name}) => name === groupName);
    if (group !== undefined && this.#outlet.isOpen()) {
      const execID = waitingExecIdOf(job);
      const data = {execID, taskID, waitingSize: group.queued, websocketTag};
      this.#outlet.send(success(methodOf(execID, 'waitingSize'), texts.waitingText, data));
    }
    this.#arm(everyMs, job, websocketTag);
  }
}
