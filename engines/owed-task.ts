/** The task whose events somebody still has to be given before the exit of its engine may be told. */
import type {StoredTask} from './engine-directory.ts';

type Task = Pick<StoredTask, 'taskID' | 'attempt'>;

export class OwedTask {
  #task: Task | undefined;
  #waiters: (() => void)[] = [];

  constructor(task: Task | undefined) {
    this.#task = task;
  }

  owe({taskID, attempt}: Task): void {
    this.#task = {taskID, attempt};
  }

  /** Its owner knows all it will ever want to know. */
  settle(taskID: number, attempt: number): void {
    if (this.#task?.taskID === taskID && this.#task.attempt === attempt) this.#task = undefined;
    this.wake(taskID, attempt);
  }

  /** Somebody follows now, or wants nothing any more. */
  wake(taskID: number, attempt: number): void {
    if (this.#task !== undefined && (this.#task.taskID !== taskID || this.#task.attempt !== attempt)) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Resolves when nothing is owed, or somebody follows. */
  async settled(isFollowing: () => boolean): Promise<void> {
    while (this.#task !== undefined && !isFollowing()) {
      const {promise, resolve} = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      await promise;
    }
  }
}
