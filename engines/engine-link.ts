/** One connection to an engine's socket, attached. It is never reopened: whoever asked for it decides whether to ask again. */
import {createConnection, type Socket} from 'node:net';
import {randomBytes} from 'node:crypto';
import type {Clock} from '../actors/runtime/clock.ts';
import {EngineAwayError, EngineProtocolError, EngineRefusedError, StaleEpochError} from './engine-errors.ts';
import {
  createFrameDecoder,
  decodeData,
  decodeJson,
  encodeAck,
  encodeJson,
  frameType,
  nonceBytes,
  type DataFrame,
  type Frame,
} from './engine-frame.ts';
import {beginHandshake, continueHandshake, type EngineState, type OwnerClaim} from './engine-handshake.ts';

const frameBytesMax = 1024 * 1024;

export type EngineLink = {
  readonly state: EngineState;
  /** Rejects with `EngineRefusedError`, or `EngineAwayError` when the link closes first or the engine does not answer. */
  readonly request: (type: string, fields: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly acknowledge: (taskID: number, attempt: number, offset: number) => void;
  /** Resolves, never rejects: losing a link is an event of normal life. `isDisplaced`: another owner has attached. */
  readonly closed: Promise<{readonly why: string; readonly isDisplaced: boolean}>;
  readonly close: () => void;
};

export type LinkOptions = {
  readonly engineId: string;
  readonly socketPath: string;
  readonly secret: Uint8Array;
  readonly claim: OwnerClaim;
  readonly attachTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  /** Throwing closes the link. */
  readonly onData: (data: DataFrame) => void;
};

type Pending = {readonly resolve: () => void; readonly reject: (error: Error) => void};

/** Rejects with `StaleEpochError`, `EngineRefusedError`, `EngineProtocolError` or `EngineAwayError`. */
export function attachEngine(options: LinkOptions): Promise<EngineLink> {
  const {engineId, socketPath, secret, claim, attachTimeoutMs, requestTimeoutMs, clock, onData} = options;
  const {promise, resolve, reject} = Promise.withResolvers<EngineLink>();
  const closed = Promise.withResolvers<{why: string; isDisplaced: boolean}>();
  let isDisplaced = false;
  const decoder = createFrameDecoder(frameBytesMax);
  const pending = new Map<number, Pending>();
  let {handshake, hello} = beginHandshake(secret, randomBytes(nonceBytes), claim);
  let nextId = 1;
  let reason = 'the connection was closed';
  const socket: Socket = createConnection(socketPath);
  const cancelTimer = clock.after(attachTimeoutMs, () =>
    fail(new EngineAwayError(engineId, `no answer in ${attachTimeoutMs} ms`)),
  );

  socket.on('connect', () => socket.write(hello));
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of decoder.push(chunk)) handle(frame);
    } catch (error) {
      fail(error instanceof Error ? error : new EngineProtocolError(String(error)));
    }
  });
  socket.on('error', error => {
    reason = error.message;
  });
  // The engine has said all it had to say; it waits for us to hang up.
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    cancelTimer();
    const away = new EngineAwayError(engineId, reason);
    for (const {reject: rejectRequest} of pending.values()) rejectRequest(away);
    pending.clear();
    reject(away);
    closed.resolve({why: reason, isDisplaced});
  });

  function fail(error: Error): void {
    reason = error.message;
    reject(error);
    socket.destroy();
  }

  function handle(frame: Frame): void {
    if (handshake.phase !== 'attached') {
      shakeHands(frame);
      return;
    }
    switch (frame.type) {
      case frameType.data:
        onData(decodeData(frame.payload));
        return;
      case frameType.reply:
        answer(decodeJson(frame.payload));
        return;
      case frameType.notice:
        isDisplaced ||= decodeJson(frame.payload)['type'] === 'displaced';
        reason = isDisplaced ? 'another owner has attached' : 'the engine is leaving';
        return;
      case frameType.refused:
        reason = `refused: ${String(decodeJson(frame.payload)['message'])}`;
        return;
      default:
        throw new EngineProtocolError(`frame type ${frame.type} came after the handshake`);
    }
  }

  function shakeHands(frame: Frame): void {
    const next = continueHandshake(handshake, frame);
    handshake = next.handshake;
    if (next.reply !== undefined) socket.write(next.reply);
    if (handshake.phase === 'refused') {
      const {code, message} = handshake;
      fail(refusal(engineId, code, message));
    } else if (handshake.phase === 'attached') {
      cancelTimer();
      resolve({
        state: handshake.state,
        request,
        acknowledge: (taskID, attempt, offset) => void socket.write(encodeAck(taskID, attempt, offset)),
        closed: closed.promise,
        close: () => socket.destroySoon(),
      });
    }
  }

  function answer({id, error}: Record<string, unknown>): void {
    const waiting = typeof id === 'number' ? pending.get(id) : undefined;
    if (waiting === undefined || typeof id !== 'number') return;
    pending.delete(id);
    if (typeof error !== 'object' || error === null) {
      waiting.resolve();
      return;
    }
    const {code, message}: Record<string, unknown> = {...error};
    waiting.reject(refusal(engineId, String(code), String(message)));
  }

  function request(type: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
    const id = nextId++;
    const waiting = Promise.withResolvers<void>();
    if (socket.destroyed || !socket.writable) {
      waiting.reject(new EngineAwayError(engineId, reason));
      return waiting.promise;
    }
    const cancel = clock.after(requestTimeoutMs, () => {
      if (pending.delete(id)) {
        waiting.reject(new EngineAwayError(engineId, `no answer to ${type} in ${requestTimeoutMs} ms`));
      }
    });
    pending.set(id, {
      resolve() {
        cancel();
        waiting.resolve();
      },
      reject(error) {
        cancel();
        waiting.reject(error);
      },
    });
    socket.write(encodeJson(frameType.request, {...fields, id, type}));
    return waiting.promise;
  }

  return promise;
}

function refusal(engineId: string, code: string, message: string): Error {
  return code === 'staleEpoch'
    ? new StaleEpochError(engineId, message)
    : new EngineRefusedError(engineId, code, message);
}
