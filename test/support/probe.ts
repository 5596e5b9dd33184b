/** A ref that collects what it is told, and lets a test wait for a message instead of sleeping. */
import {nextUid} from '../../actors/runtime/uid.ts';
import type {Ref} from '../../actors/runtime/ref.ts';

export type Probe<Message> = {
  readonly ref: Ref<Message>;
  /** Everything told so far, in order. */
  readonly messages: Message[];
  /**
   * Resolves with the oldest message that fits and that no earlier `expect` has returned, waiting for it if need be.
   * Rejects after `timeoutMs` (5000 unless given) of real time, saying what came instead.
   */
  readonly expect: (predicate?: (message: Message) => boolean, timeoutMs?: number) => Promise<Message>;
};

type Waiting<Message> = {
  readonly fits: (message: Message) => boolean;
  readonly found: (message: Message) => void;
};

export function probe<Message>(path = '/probe'): Probe<Message> {
  const messages: Message[] = [];
  const unseen: Message[] = [];
  const waiting: Waiting<Message>[] = [];
  const tell = (message: Message): boolean => {
    messages.push(message);
    const index = waiting.findIndex(({fits}) => fits(message));
    const [first] = index < 0 ? [] : waiting.splice(index, 1);
    if (first === undefined) unseen.push(message);
    else first.found(message);
    return true;
  };
  return {
    ref: {path, uid: nextUid(), tell},
    messages,
    expect(fits = () => true, timeoutMs = 5000) {
      const index = unseen.findIndex(fits);
      if (index >= 0) return Promise.resolve(unseen.splice(index, 1)[0] as Message);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(entry), 1);
          reject(new Error(`${path} waited ${timeoutMs} ms in vain; it was told ${summary(messages)}.`));
        }, timeoutMs);
        const entry: Waiting<Message> = {
          fits,
          found(message) {
            clearTimeout(timer);
            resolve(message);
          },
        };
        waiting.push(entry);
      });
    },
  };
}

function summary(messages: readonly unknown[]): string {
  if (messages.length === 0) return 'nothing';
  return messages
    .map(message => JSON.stringify(message) ?? String(message))
    .join(', ')
    .slice(0, 2000);
}
