/**
 * Hands the events of one task to its consumer, in spool order, each exactly once, whatever the bytes came from. Bytes
 * may come twice (socket and file overlap after a reconnection): what is already here is cut off.
 */
import type {Clock} from '../actors/runtime/clock.ts';
import type {EngineEvent} from '../actors/ports.ts';
import {createSpoolDecoder, eventOf} from './spool-record.ts';

/** A consumer that holds a very large batch could not give anything back to the engine for a long time. */
const batchBytesMax = 1024 * 1024;
const batchEventsMax = 512;
const retryMsMin = 50;
const retryMsMax = 2000;

export type Consume = (events: readonly EngineEvent[]) => Promise<void>;

export type TaskFollower = {
  readonly taskID: number;
  readonly attempt: number;
  /** Spool bytes from `offset` on. False when there is a gap before them: they are not taken. Throws `SpoolDamagedError`. */
  readonly accept: (offset: number, bytes: Buffer) => boolean;
  /** The next offset to ask for. */
  readonly received: () => number;
  /** Everything before has been taken over by the consumer. */
  readonly delivered: () => number;
  /** After the last whole record. */
  readonly decoded: () => number;
  /** Whether the end of the task was among the events. */
  readonly hasEnded: () => boolean;
  /** Forgets the beginning of a record whose rest turned out to be something else: the engine had cut it off. */
  readonly rewind: () => void;
  /** Resolves when at most `bytesMax` are waiting for the consumer, or the follower was stopped. */
  readonly drained: (bytesMax: number) => Promise<void>;
  readonly stop: () => void;
};

export function createTaskFollower(options: {
  readonly taskID: number;
  readonly attempt: number;
  readonly fromOffset: number;
  readonly consume: Consume;
  readonly clock: Clock;
  readonly onDelivered: (offset: number) => void;
  readonly onConsumerFailed: (error: unknown) => void;
}): TaskFollower {
  const {taskID, attempt, fromOffset, consume, clock, onDelivered, onConsumerFailed} = options;
  let decoder = createSpoolDecoder(fromOffset);
  let waiting: EngineEvent[] = [];
  let delivered = fromOffset;
  let isDelivering = false;
  let isStopped = false;
  let hasEnded = false;
  let watchers: {readonly bytesMax: number; readonly resolve: () => void}[] = [];

  const isDrained = (bytesMax: number): boolean =>
    isStopped || (decoder.decoded() - delivered <= bytesMax && (bytesMax > 0 || !isDelivering));

  function wakeWatchers(): void {
    const ready = watchers.filter(({bytesMax}) => isDrained(bytesMax));
    watchers = watchers.filter(watcher => !ready.includes(watcher));
    for (const {resolve} of ready) resolve();
  }

  async function deliver(): Promise<void> {
    isDelivering = true;
    while (waiting.length > 0 && !isStopped) {
      // A new list for what comes meanwhile: shifting a long one again and again would cost its square.
      const batches = batchesOf(waiting);
      waiting = [];
      for (const batch of batches) {
        await offer(batch);
        if (isStopped) break;
        // Records that are no events, and stand behind the last one, count as taken over with it.
        const isLast = batch === batches.at(-1) && waiting.length === 0;
        delivered = isLast ? decoder.decoded() : (batch.at(-1)?.offset ?? delivered);
        onDelivered(delivered);
        wakeWatchers();
      }
    }
    isDelivering = false;
    wakeWatchers();
  }

  /** A consumer that fails has not taken the batch over; it gets it again until it has. */
  async function offer(batch: readonly EngineEvent[]): Promise<void> {
    for (let retryMs = retryMsMin; !isStopped; retryMs = Math.min(retryMsMax, retryMs * 2)) {
      try {
        await consume(batch);
        return;
      } catch (error) {
        onConsumerFailed(error);
        const {promise, resolve} = Promise.withResolvers<void>();
        clock.after(retryMs, resolve);
        await promise;
      }
    }
  }

  return {
    taskID,
    attempt,
    accept(offset, bytes) {
      const known = decoder.received() - offset;
      if (known < 0) return false;
      if (isStopped || known >= bytes.length) return true;
      for (const record of decoder.push(bytes.subarray(known))) {
        const event = eventOf(taskID, attempt, record);
        if (event === undefined) continue;
        hasEnded ||= event.type === 'ended';
        waiting.push(event);
      }
      if (waiting.length === 0 && !isDelivering) {
        if (decoder.decoded() > delivered) {
          delivered = decoder.decoded();
          onDelivered(delivered);
        }
      } else if (!isDelivering) {
        void deliver();
      }
      const damage = decoder.damage();
      if (damage !== undefined) throw damage;
      return true;
    },
    received: () => decoder.received(),
    delivered: () => delivered,
    decoded: () => decoder.decoded(),
    hasEnded: () => hasEnded,
    rewind() {
      decoder = createSpoolDecoder(decoder.decoded());
    },
    async drained(bytesMax) {
      if (isDrained(bytesMax)) return;
      const {promise, resolve} = Promise.withResolvers<void>();
      watchers.push({bytesMax, resolve});
      await promise;
    },
    stop() {
      isStopped = true;
      waiting = [];
      wakeWatchers();
    },
  };
}

function batchesOf(events: readonly EngineEvent[]): EngineEvent[][] {
  const batches: EngineEvent[][] = [];
  let batch: EngineEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const eventBytes = event.type === 'log' ? event.lines.length : 0;
    if (batch.length > 0 && (bytes + eventBytes > batchBytesMax || batch.length >= batchEventsMax)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(event);
    bytes += eventBytes;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
