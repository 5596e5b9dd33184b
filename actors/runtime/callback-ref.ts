/** A ref that is a function: for consumers that are no actors, such as a stream that follows a job on another node. */
import type {Ref} from './ref.ts';
import {nextUid} from './uid.ts';

export type CallbackRef<Message> = Ref<Message> & {
  readonly isClosed: () => boolean;
  /** From now on `tell` answers false, and nothing is called any more. */
  readonly close: () => void;
};

/** `onMessage` is called synchronously, once for each message; what it throws goes to whoever told. */
export function callbackRef<Message>(
  path: string,
  onMessage: (message: Message) => void,
): CallbackRef<Message> {
  let isClosed = false;
  return {
    path,
    uid: nextUid(),
    tell(message) {
      if (isClosed) return false;
      onMessage(message);
      return true;
    },
    isClosed: () => isClosed,
    close() {
      isClosed = true;
    },
  };
}
