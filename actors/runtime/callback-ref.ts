/** A ref that is a function: for consumers that are no actors, such as a stream that follows a job on another node. */
import type {Delivery} from './receptionist.ts';
import type {Ref} from './ref.ts';
import {nextUid} from './uid.ts';

export class CallbackRef<Message> implements Ref<Message> {
  readonly path: string;
  readonly uid = nextUid();
  readonly delivery: Delivery;
  readonly tell: (message: Message) => boolean;
  readonly isClosed: () => boolean;
  /** From now on `tell` answers false, and nothing is called any more. */
  readonly close: () => void;
  readonly #closeListeners: (() => void)[] = [];

  constructor(path: string, onMessage: (message: Message) => void, delivery: Delivery) {
    let isClosed = false;
    this.path = path;
    this.delivery = delivery;
    this.tell = message => {
      if (isClosed) return false;
      onMessage(message);
      return true;
    };
    this.isClosed = () => isClosed;
    this.close = () => {
      if (isClosed) return;
      isClosed = true;
      for (const listener of this.#closeListeners.splice(0)) listener();
    };
  }

  /** Calls `listener` once, when it is closed; at once if it is. */
  whenClosed(listener: () => void): void {
    if (this.isClosed()) listener();
    else this.#closeListeners.push(listener);
  }
}

/**
 * `onMessage` is called synchronously, once for each message; what it throws goes to whoever told. `delivery` is what
 * senders on other nodes do when the link is cut; by default nothing is lost.
 */
export function callbackRef<Message>(
  path: string,
  onMessage: (message: Message) => void,
  {delivery = 'reliable'}: {readonly delivery?: Delivery} = {},
): CallbackRef<Message> {
  return new CallbackRef(path, onMessage, delivery);
}
