/**
 * The receiving side of one followed task: hands events to the consumer in order, each exactly once, and says how far they
 * were taken. It outlives the flows it is fed by: after a lost link it goes on, with the next flow, where it stands.
 */
import type {FlowMessage, TakenMessage, TaskKey} from './ecm-protocol.ts';
import type {EngineEvent, EngineHandle} from './ports.ts';
import {callbackRef, type CallbackRef} from './runtime/callback-ref.ts';
import type {Clock} from './runtime/clock.ts';
import type {Ref} from './runtime/ref.ts';
import {nextUid} from './runtime/uid.ts';

const retryMsMin = 50;
const retryMsMax = 2000;

export type Inlet = {
  readonly task: TaskKey;
  /** Ends the flow before; the next one has to begin at `fromOffset`. */
  readonly open: () => {
    readonly flow: number;
    readonly consumer: Ref<FlowMessage>;
    readonly fromOffset: number;
  };
  /** Where to say what was taken, for the flow of that number. */
  readonly granted: (flow: number, taken: Ref<TakenMessage>) => void;
  readonly isFlow: (flow: number) => boolean;
  readonly received: () => number;
  /** Says again how far events were taken: the last word may have been lost. */
  readonly acknowledge: () => void;
  /** Resolves when the consumer has taken all up to `offset`, or the inlet was stopped. */
  readonly taken: (offset: number) => Promise<void>;
  readonly stop: () => void;
};

export function createInlet(options: {
  readonly path: string;
  readonly task: TaskKey;
  readonly fromOffset: number;
  readonly consume: Parameters<EngineHandle['follow']>[3];
  readonly clock: Clock;
  /** Something arrived. */
  readonly onNews: () => void;
  /** Messages of the present flow were lost: another one is needed. */
  readonly onGap: () => void;
  readonly onConsumerFailed: (error: unknown) => void;
}): Inlet {
  const {path, task, fromOffset, consume, clock, onNews, onGap, onConsumerFailed} = options;
  let received = fromOffset;
  let delivered = fromOffset;
  let waiting: (readonly EngineEvent[])[] = [];
  let pieces: Uint8Array[] = [];
  let piecesBytes = 0;
  let isDelivering = false;
  let isStopped = false;
  let number = 0;
  let consumer: CallbackRef<FlowMessage> | undefined;
  let takenRef: Ref<TakenMessage> | undefined;
  let watchers: {readonly offset: number; readonly resolve: () => void}[] = [];

  function acknowledge(): void {
    takenRef?.tell({type: 'taken', offset: delivered});
  }

  function wakeWatchers(): void {
    const ready = watchers.filter(({offset}) => isStopped || delivered >= offset);
    watchers = watchers.filter(watcher => !ready.includes(watcher));
    for (const {resolve} of ready) resolve();
  }

  function forgetPieces(): void {
    pieces = [];
    piecesBytes = 0;
  }

  function accept(message: FlowMessage): void {
    onNews();
    const isNext = message.from === received;
    if (message.type === 'piece') {
      if (message.at === 0) forgetPieces();
      if (!isNext || message.at !== piecesBytes) return lose();
      pieces.push(message.lines);
      piecesBytes += message.lines.length;
      return;
    }
    if (!isNext || message.at !== piecesBytes) return lose();
    const events = piecesBytes === 0 ? message.events : joined(message.events);
    received = events.at(-1)?.offset ?? received;
    waiting.push(events);
    if (!isDelivering) void deliver();
  }

  function joined([first, ...rest]: readonly EngineEvent[]): readonly EngineEvent[] {
    const whole = first?.type === 'log' ? {...first, lines: Buffer.concat([...pieces, first.lines])} : first;
    forgetPieces();
    return whole === undefined ? rest : [whole, ...rest];
  }

  function lose(): void {
    consumer?.close();
    forgetPieces();
    onGap();
  }

  async function deliver(): Promise<void> {
    isDelivering = true;
    while (waiting.length > 0 && !isStopped) {
      const batches = waiting;
      waiting = [];
      for (const events of batches) {
        await offer(events);
        if (isStopped) break;
        delivered = events.at(-1)?.offset ?? delivered;
        acknowledge();
        wakeWatchers();
      }
    }
    isDelivering = false;
  }

  /** A consumer that fails has not taken the events over; it gets them again until it has. */
  async function offer(events: readonly EngineEvent[]): Promise<void> {
    for (let retryMs = retryMsMin; !isStopped; retryMs = Math.min(retryMsMax, retryMs * 2)) {
      try {
        await consume(events);
        return;
      } catch (error) {
        onConsumerFailed(error);
        await new Promise<void>(resolve => void clock.after(retryMs, resolve));
      }
    }
  }

  return {
    task,
    open() {
      consumer?.close();
      takenRef = undefined;
      forgetPieces();
      number = nextUid();
      consumer = callbackRef(path, accept);
      return {flow: number, consumer, fromOffset: received};
    },
    granted(flow, taken) {
      if (flow !== number || isStopped) return;
      takenRef = taken;
      acknowledge();
    },
    isFlow: flow => flow === number,
    received: () => received,
    acknowledge,
    async taken(offset) {
      if (isStopped || delivered >= offset) return;
      const {promise, resolve} = Promise.withResolvers<void>();
      watchers.push({offset, resolve});
      await promise;
    },
    stop() {
      isStopped = true;
      consumer?.close();
      waiting = [];
      wakeWatchers();
    },
  };
}
