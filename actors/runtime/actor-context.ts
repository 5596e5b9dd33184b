/**
 * What a machine's `perform` gets. Made at the first effect. Its functions are made when they are read, so that 100,000
 * actors don't keep six closures each, and `({spawn, setTimer})` works all the same.
 */
import type {CellNode} from './cell-node.ts';
import {watch} from './death-watch.ts';
import {stop} from './lifecycle.ts';
import {cellOf} from './local-ref.ts';
import type {ActorContext, StopReason} from './machine.ts';
import type {Ref} from './ref.ts';

/** What the context needs of its actor. */
export type ContextOwner<Message> = CellNode & {
  readonly ref: Ref<Message>;
  readonly abortSignal: AbortSignal;
  /** Accepts the notice of a watch: never refused while the actor runs. */
  readonly notice: (message: Message) => void;
  readonly setTimer: (key: string, afterMs: number, message: Message) => void;
  readonly cancelTimer: (key: string) => void;
};

export class CellContext<Message> implements ActorContext<Message> {
  readonly #cell: ContextOwner<Message>;

  constructor(cell: ContextOwner<Message>) {
    this.#cell = cell;
  }

  get self(): Ref<Message> {
    return this.#cell.ref;
  }

  get signal(): AbortSignal {
    return this.#cell.abortSignal;
  }

  get spawn(): ActorContext<Message>['spawn'] {
    const cell = this.#cell;
    return (name, machine, options) => cell.runtime.spawn(cell, name, machine, options);
  }

  get stop(): ActorContext<Message>['stop'] {
    const cell = this.#cell;
    return (ref, reason) => stopOwn(cell, ref, reason);
  }

  get watch(): ActorContext<Message>['watch'] {
    const cell = this.#cell;
    return (ref, message) => watch(cell, ref, () => cell.notice(message));
  }

  get setTimer(): ActorContext<Message>['setTimer'] {
    const cell = this.#cell;
    return (key, afterMs, message) => cell.setTimer(key, afterMs, message);
  }

  get cancelTimer(): ActorContext<Message>['cancelTimer'] {
    const cell = this.#cell;
    return key => cell.cancelTimer(key);
  }
}

function stopOwn(cell: CellNode, ref: Ref<never>, reason: StopReason = 'finished'): void {
  const target = cellOf(ref);
  if (target === undefined || (target !== cell && target.parent !== cell)) {
    const {path, runtime} = cell;
    runtime.log.warn({path, target: ref.path}, 'An actor can stop only itself and its children; ignored.');
    return;
  }
  stop(target, reason);
}
