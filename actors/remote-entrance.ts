/** Each question to an entrance of another node as a call, with how long it may take. */
import {
  replies,
  type EntranceMessage,
  type Load,
  type LogPiece,
  type NumberedNews,
} from './entrance-protocol.ts';
import type {Accepted, Caller, JobView, JobWhy, KillReport, SubmitOptions} from './governance.ts';
import type {LogChunk, LogPosition} from './ports.ts';
import {callRemote, pieceBytesMax, type Asker, type Reply, type ReplyCheck} from './remote-call.ts';
import type {Ref} from './runtime/ref.ts';

/** A commit without an answer counts as failed after 10 s, and is tried three times before an entrance gives up. */
const submitMs = 20_000;
const lookMs = 5000;
/** An entrance answers after 8 s that it is under way. */
const killMs = 10_000;

const countMax = Number.MAX_SAFE_INTEGER;

/** All reject with `RemoteCallError`, `RemoteAnswerError`, or with what the entrance failed with. */
export type RemoteEntrance = {
  readonly instance: string;
  readonly ref: Ref<EntranceMessage>;
  readonly submit: (body: unknown, caller: Caller, options: SubmitOptions) => Promise<Accepted>;
  readonly find: (taskID: number) => Promise<JobView | undefined>;
  readonly kill: (taskID: number, caller: Caller) => Promise<KillReport>;
  readonly why: (taskID: number) => Promise<JobWhy | undefined>;
  readonly setPriority: (taskID: number, priority: number) => Promise<boolean>;
  readonly retireEngine: (engineId: string) => Promise<boolean>;
  readonly logPosition: (taskID: number) => Promise<LogPosition | undefined>;
  readonly readLog: (
    taskID: number,
    fromLine: number,
    linesMax: number,
    bytesMax: number,
  ) => Promise<LogChunk | undefined>;
  /** Resolves false if there is no such job. */
  readonly follow: (following: {
    readonly taskID: number;
    readonly followId: string;
    readonly withLog: boolean;
    readonly subscriber: Ref<NumberedNews>;
  }) => Promise<boolean>;
  /** Resolves to the number of the last news sent; -1 when nothing is followed there under that id. */
  readonly renew: (followId: string, taken: number) => Promise<number>;
  readonly unfollow: (followId: string) => void;
  readonly load: () => Promise<Load>;
};

export function remoteEntrance(system: Asker, instance: string, ref: Ref<EntranceMessage>): RemoteEntrance {
  const call = <Value>(
    isReply: ReplyCheck<Value>,
    timeoutMs: number,
    message: (replyTo: Ref<Reply<Value>>) => EntranceMessage,
  ): Promise<Value> => callRemote(system, {instance, ref, isReply, timeoutMs, message});

  async function readPiece(
    [taskID, fromLine, linesMax, bytesMax]: readonly [number, number, number, number],
    skipBytes: number,
  ): Promise<LogPiece | undefined> {
    const piece = await call(replies.readLog, lookMs, replyTo => ({
      type: 'readLog',
      taskID,
      fromLine,
      linesMax: Math.min(linesMax, countMax),
      bytesMax: Math.min(bytesMax, pieceBytesMax),
      skipBytes,
      replyTo,
    }));
    return piece ?? undefined;
  }

  return {
    instance,
    ref,
    submit: (body, caller, options) =>
      call(replies.submit, submitMs, replyTo => ({
        type: 'submit',
        body: JSON.stringify(body ?? null),
        caller,
        options,
        replyTo,
      })),
    find: async taskID =>
      (await call(replies.find, lookMs, replyTo => ({type: 'find', taskID, replyTo}))) ?? undefined,
    kill: (taskID, caller) =>
      call(replies.kill, killMs, replyTo => ({type: 'kill', taskID, caller, replyTo})),
    why: async taskID =>
      (await call(replies.why, lookMs, replyTo => ({type: 'why', taskID, replyTo}))) ?? undefined,
    setPriority: (taskID, priority) =>
      call(replies.setPriority, lookMs, replyTo => ({type: 'setPriority', taskID, priority, replyTo})),
    retireEngine: engineId =>
      call(replies.retireEngine, lookMs, replyTo => ({type: 'retireEngine', engineId, replyTo})),
    logPosition: async taskID =>
      (await call(replies.logPosition, lookMs, replyTo => ({type: 'logPosition', taskID, replyTo}))) ??
      undefined,
    async readLog(...range) {
      const first = await readPiece(range, 0);
      if (first === undefined) return undefined;
      const {bytesTotal, ...chunk} = first;
      if (chunk.bytes.length >= bytesTotal) return chunk;
      // One line that is larger than a message.
      const [taskID, , , bytesMax] = range;
      const pieces = [chunk.bytes];
      for (let length = chunk.bytes.length; length < bytesTotal;) {
        const next = await readPiece([taskID, chunk.fromLine, chunk.lineCount, bytesMax], length);
        if (next === undefined || next.bytes.length === 0) return {...chunk, lineCount: 0, bytes: nothing};
        pieces.push(next.bytes);
        length += next.bytes.length;
      }
      return {...chunk, bytes: Buffer.concat(pieces)};
    },
    follow: following => call(replies.follow, lookMs, replyTo => ({type: 'follow', ...following, replyTo})),
    renew: (followId, taken) =>
      call(replies.renew, lookMs, replyTo => ({type: 'renew', followId, taken, replyTo})),
    unfollow: followId => void ref.tell({type: 'unfollow', followId}),
    load: () => call(replies.load, lookMs, replyTo => ({type: 'load', replyTo})),
  };
}

const nothing = new Uint8Array(0);
