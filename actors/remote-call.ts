/**
 * A call to a service of another node: a question with a deadline whose answer is checked before anybody believes it.
 * Tells apart what the caller has to: the service said no (its own failure, revived), the call never left this node, or
 * nobody knows whether it was served.
 */
import {Type, type TSchema} from 'typebox';
import {Compile} from 'typebox/compile';
import {LinkisError} from './domain/errors.ts';
import {RemoteFailure, reviveFailure} from './remote-failure.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

export type Reply<Value> =
  | {readonly ok: true; readonly value: Value}
  | {readonly ok: false; readonly failure: RemoteFailure};

/** What an answer of one kind must look like. Never throws. */
export type ReplyCheck<Value> = (value: unknown) => value is Reply<Value>;

/** `value` describes what a served call answers. */
export function replyCheck<Value>(value: TSchema): ReplyCheck<Value> {
  const compiled = Compile(
    Type.Union([
      Type.Object({ok: Type.Literal(true), value}),
      Type.Object({ok: Type.Literal(false), failure: RemoteFailure}),
    ]),
  );
  return (reply): reply is Reply<Value> => compiled.Check(reply);
}

/** A ref inside a message, as far as it can be told from data. */
export const refSchema = <Message>() =>
  Type.Unsafe<Ref<Message>>(
    Type.Refine(
      Type.Unknown(),
      value =>
        typeof value === 'object' &&
        value !== null &&
        'tell' in value &&
        typeof value.tell === 'function' &&
        'path' in value,
    ),
  );

/** Bytes inside a message. */
export const bytesSchema = (bytesMax: number) =>
  Type.Unsafe<Uint8Array>(
    Type.Refine(Type.Unknown(), value => value instanceof Uint8Array && value.length <= bytesMax),
  );

/** What one message between nodes carries at most of a log or file; more is asked for in pieces. */
export const pieceBytesMax = 256 * 1024;

/** Another node could not be asked, or did not answer. `wasSent`: then it may have done what it was asked for. */
export class RemoteCallError extends LinkisError {
  override readonly name = 'RemoteCallError';
  readonly code = 20967;
  override readonly retryable = true;
  readonly instance: string;
  readonly wasSent: boolean;

  constructor(instance: string, call: string, wasSent: boolean, cause?: unknown) {
    const what = wasSent
      ? `did not answer ${call}; it may have been carried out`
      : `could not be asked for ${call}`;
    const why = cause instanceof Error ? `: ${cause.message}` : '.';
    super(`Node ${instance} ${what}${why} See tenon nodes for whether it is alive.`, {cause});
    this.instance = instance;
    this.wasSent = wasSent;
  }
}

/** A node serves as many calls of others as it may at a time. */
export class ServiceBusyError extends LinkisError {
  override readonly name = 'ServiceBusyError';
  readonly code = 20965;
  override readonly retryable = true;

  constructor(what: string, limit: number) {
    super(`This node serves ${limit} ${what} for other nodes, which is its limit. Try again in a moment.`);
  }
}

/** A node answered with something that is no answer: most likely it runs a version that this one does not know. */
export class RemoteAnswerError extends LinkisError {
  override readonly name = 'RemoteAnswerError';
  readonly code = 20968;

  constructor(instance: string, call: string) {
    super(
      `Node ${instance} answered ${call} with something this node does not understand. Look at the versions of both.`,
    );
  }
}

/** The mailbox, or what waits for the link, is full: proof that nothing was sent. */
const unsentCodes = new Set([20_903, 20_922]);
/** The service does not know the message, or no link can carry it: asking again, or another node, is of no use. */
const hopelessCodes = new Set([20_921, 20_923]);

export type Asker = Pick<ActorSystem, 'ask'>;

type Typed = {readonly type: string};

export type RemoteCall<Message extends Typed, Value> = {
  readonly instance: string;
  readonly ref: Ref<Message>;
  readonly isReply: ReplyCheck<Value>;
  readonly timeoutMs: number;
  readonly message: (replyTo: Ref<Reply<Value>>) => Message;
};

/**
 * Rejects with `RemoteCallError`, `RemoteAnswerError`, the failure that the service answered, or what the link says of a
 * message that can't be sent at all.
 */
export async function callRemote<Message extends Typed, Value>(
  {ask}: Asker,
  {instance, ref, message, isReply, timeoutMs}: RemoteCall<Message, Value>,
): Promise<Value> {
  let type = 'a call';
  let reply: unknown;
  try {
    reply = await ask<Message, unknown>(
      ref,
      replyTo => {
        const made = message(replyTo);
        ({type} = made);
        return made;
      },
      timeoutMs,
    );
  } catch (error) {
    const code = error instanceof LinkisError ? error.code : undefined;
    if (code !== undefined && hopelessCodes.has(code)) throw error;
    throw new RemoteCallError(instance, type, code === undefined || !unsentCodes.has(code), error);
  }
  if (!isReply(reply)) throw new RemoteAnswerError(instance, type);
  if (!reply.ok) throw reviveFailure(reply.failure, instance);
  return reply.value;
}
