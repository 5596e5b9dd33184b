/**
 * Frames of the engine protocol: length, type, payload. Cuts a byte stream into frames, and refuses one that is too
 * long before its body is read. docs/engine-protocol.md is the specification; the other side is `host/wire.py`.
 */
import {EngineProtocolError, FrameLengthError} from './engine-errors.ts';

export const protocolVersion = 1;
export const nonceBytes = 32;
export const proofBytes = 32;

/** Owner to engine below 0x80, engine to owner above. */
export const frameType = {
  hello: 0x01,
  prove: 0x02,
  request: 0x10,
  ack: 0x11,
  challenge: 0x81,
  welcome: 0x82,
  refused: 0x83,
  reply: 0x90,
  data: 0x91,
  notice: 0x92,
} as const;

export type Frame = {readonly type: number; readonly payload: Buffer};

/** A range of a task's spool; `offset` is that of its first byte. */
export type DataFrame = {
  readonly taskID: number;
  readonly attempt: number;
  readonly offset: number;
  readonly bytes: Buffer;
};

const headerBytes = 5;
const rangeBytes = 20;

export function encodeFrame(type: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame.writeUInt32BE(payload.length + 1, 0);
  frame.writeUInt8(type, 4);
  frame.set(payload, headerBytes);
  return frame;
}

export const encodeJson = (type: number, value: unknown): Buffer =>
  encodeFrame(type, Buffer.from(JSON.stringify(value)));

/** Everything up to `offset` of this spool has been taken over by the consumer. */
export function encodeAck(taskID: number, attempt: number, offset: number): Buffer {
  const payload = Buffer.allocUnsafe(rangeBytes);
  payload.writeBigUInt64BE(BigInt(taskID), 0);
  payload.writeUInt32BE(attempt, 8);
  payload.writeBigUInt64BE(BigInt(offset), 12);
  return encodeFrame(frameType.ack, payload);
}

/** Throws `EngineProtocolError` when the payload is shorter than its fixed part. */
export function decodeData(payload: Buffer): DataFrame {
  if (payload.length < rangeBytes) {
    throw new EngineProtocolError(
      `a data frame of ${payload.length} bytes is shorter than its header of ${rangeBytes}`,
    );
  }
  return {
    taskID: Number(payload.readBigUInt64BE(0)),
    attempt: payload.readUInt32BE(8),
    offset: Number(payload.readBigUInt64BE(12)),
    bytes: payload.subarray(rangeBytes),
  };
}

/** Throws `EngineProtocolError` when the payload is not a JSON object. */
export function decodeJson(payload: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    throw new EngineProtocolError(`a payload is not JSON (${String(cause)})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EngineProtocolError('a payload is not a JSON object');
  }
  return {...value};
}

export type FrameDecoder = {
  /** Whole frames that `chunk` completes. Payloads are views: valid as long as the caller keeps them. */
  readonly push: (chunk: Buffer) => Frame[];
};

export function createFrameDecoder(frameBytesMax: number | (() => number)): FrameDecoder {
  const limit = typeof frameBytesMax === 'number' ? () => frameBytesMax : frameBytesMax;
  let parts: Buffer[] = [];
  let partsBytes = 0;
  let neededBytes = headerBytes;
  return {
    push(chunk) {
      parts.push(chunk);
      partsBytes += chunk.length;
      // Joined only when a frame is complete: a long one in many pieces is copied once.
      if (partsBytes < neededBytes) return [];
      let buffer = parts.length === 1 ? chunk : Buffer.concat(parts, partsBytes);
      const frames: Frame[] = [];
      neededBytes = headerBytes;
      while (buffer.length >= headerBytes) {
        const length = buffer.readUInt32BE(0);
        if (length < 1 || length > limit()) throw new FrameLengthError(length, limit());
        const end = 4 + length;
        if (buffer.length < end) {
          neededBytes = end;
          break;
        }
        frames.push({type: buffer.readUInt8(4), payload: buffer.subarray(headerBytes, end)});
        buffer = buffer.subarray(end);
      }
      parts = buffer.length === 0 ? [] : [buffer];
      partsBytes = buffer.length;
      return frames;
    },
  };
}
