/**
 * The sending side of one followed task: events leave in messages of bounded size, at most a window ahead of what the
 * consumer has taken over. It closes with its owner; what was not taken then is read again from the spool.
 */
import {flowLimits, type FlowMessage, type TakenMessage} from './ecm-protocol.ts';
import type {EngineEvent} from './ports.ts';
import {callbackRef} from './runtime/callback-ref.ts';
import type {Ref} from './runtime/ref.ts';

export type Flow = {
  readonly number: number;
  readonly ref: Ref<TakenMessage>;
  /** For `EngineHandle.follow`. Rejects when the consumer can't be told now: the engine's handle offers it again. */
  readonly consume: (events: readonly EngineEvent[]) => Promise<void>;
  readonly sent: () => number;
  /** Nothing will come after what was sent: the engine is gone, and its spool was read to the end. */
  readonly finish: () => void;
  readonly isFinished: () => boolean;
  readonly close: () => void;
};

/** The consumer's node has no room, or cannot be reached. */
class ConsumerAwayError extends Error {
  override readonly name = 'ConsumerAwayError';
}

export function createFlow(options: {
  readonly path: string;
  readonly number: number;
  readonly fromOffset: number;
  readonly consumer: Ref<FlowMessage>;
}): Flow {
  const {path, number, fromOffset, consumer} = options;
  let sent = fromOffset;
  let isClosed = false;
  let isFinished = false;
  /** Messages on their way, oldest first, by the offset after them. */
  let flying: {readonly offset: number; readonly bytes: number}[] = [];
  let flyingBytes = 0;
  let wake: (() => void) | undefined;

  const ref = callbackRef<TakenMessage>(path, ({offset}) => {
    const arrived = flying.filter(message => message.offset <= offset);
    if (arrived.length === 0) return;
    flying = flying.slice(arrived.length);
    for (const {bytes} of arrived) flyingBytes -= bytes;
    if (!isFull()) wake?.();
  });

  const isFull = (): boolean =>
    flyingBytes >= flowLimits.windowBytes || flying.length >= flowLimits.windowMessages;

  async function room(): Promise<void> {
    while (isFull() || isClosed) {
      // Closed: never resolved, so nothing counts as taken over that nobody has.
      const {promise, resolve} = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  }

  function tell(message: FlowMessage): void {
    if (!consumer.tell(message)) throw new ConsumerAwayError(`${consumer.path} did not take the output`);
  }

  function send(events: readonly EngineEvent[], bytes: number, at = 0): void {
    const offset = events.at(-1)?.offset ?? sent;
    tell({type: 'events', from: sent, at, events});
    sent = offset;
    flying.push({offset, bytes});
    flyingBytes += bytes;
  }

  /** The lines of one event in several messages; the last one is the event itself. */
  function sendLong(event: EngineEvent & {type: 'log'}): void {
    const {lines} = event;
    const {messageBytesMax} = flowLimits;
    let at = 0;
    for (; lines.length - at > messageBytesMax; at += messageBytesMax) {
      tell({type: 'piece', from: sent, at, lines: lines.subarray(at, at + messageBytesMax)});
    }
    send([{...event, lines: lines.subarray(at)}], lines.length, at);
  }

  return {
    number,
    ref,
    sent: () => sent,
    finish() {
      isFinished = true;
    },
    isFinished: () => isFinished,
    async consume(events) {
      // Offered again after a failure: what has left is not sent twice.
      const due = events.filter(({offset}) => offset > sent);
      for (let first = 0; first < due.length;) {
        await room();
        const {end, bytes} = messageFrom(due, first);
        const event = due[first];
        if (event?.type === 'log' && event.lines.length > flowLimits.messageBytesMax) sendLong(event);
        else send(first === 0 && end === due.length ? due : due.slice(first, end), bytes);
        first = end;
      }
      await room();
    },
    close() {
      isClosed = true;
      ref.close();
    },
  };
}

/** How many events from `first` on go into one message: at least one. */
function messageFrom(events: readonly EngineEvent[], first: number): {end: number; bytes: number} {
  let bytes = 0;
  let end = first;
  for (const event of events.slice(first, first + flowLimits.messageEventsMax)) {
    const eventBytes = event.type === 'log' ? event.lines.length : 0;
    if (end > first && bytes + eventBytes > flowLimits.messageBytesMax) break;
    bytes += eventBytes;
    end += 1;
  }
  return {end, bytes};
}
