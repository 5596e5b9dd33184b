/**
 * A ref to what lives in another process, as this process's questions and watches see it: they hang on it as they hang on
 * a local actor, and it ends them once. The cluster's links subclass it; the runtime knows no network.
 */
import type {PendingAsk} from './ask.ts';
import type {Watch} from './cell-node.ts';
import type {Ref} from './ref.ts';
import {nextUid} from './uid.ts';

export abstract class RemoteTarget<Message> implements Ref<Message> {
  /** Of this process, like any ref's; the number that the other process knows it by is another one. */
  readonly uid = nextUid();
  abstract readonly path: string;
  abstract readonly tell: (message: Message) => boolean;
  /** Head of the list of questions that wait for its answer. */
  asks: PendingAsk<never> | undefined = undefined;
  watchers: Set<Watch> | undefined = undefined;
  // Private, so that an object which only looks like one leads nowhere.
  #hasEnded = false;

  /** Sends a question. Answers why it could not be sent; that settles it. */
  abstract ask(message: Message, pending: PendingAsk<never>, timeoutMs: number): Error | undefined;

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The other side is known to be over: settles its questions with `why`, and tells its watchers. Only the first counts. */
  protected end(why: (pending: PendingAsk<never>) => Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (let pending = this.asks; pending !== undefined; pending = this.asks) pending.fail(why(pending));
    const watchers = this.watchers ?? [];
    this.watchers = undefined;
    for (const entry of watchers) {
      entry.watcher.watching?.delete(entry);
      entry.notify();
    }
  }

  static of(ref: Ref<never>): RemoteTarget<never> | undefined {
    return #hasEnded in ref ? ref : undefined;
  }
}
