/** One connection to an engine under check, frame by frame, and the two halves of a handshake. */
import {createConnection} from 'node:net';
import {randomBytes} from 'node:crypto';
import {
  createFrameDecoder,
  decodeJson,
  encodeFrame,
  frameType,
  nonceBytes,
  type Frame,
} from '../engine-frame.ts';
import {proofOf} from '../engine-handshake.ts';
import {EngineBreachError, must} from './conformance-errors.ts';
import type {Patience} from './patience.ts';

/** What an owner reads at most; section 3 of the protocol. */
const frameBytesMax = 1024 * 1024;

export type TrialWire = {
  readonly send: (bytes: Uint8Array) => void;
  /** The next frame; undefined when the engine has closed its side. Rejects when nothing comes. */
  readonly next: (what: string, ms?: number) => Promise<Frame | undefined>;
  /** Like `next`, of one type. */
  readonly expect: (type: number, what: string) => Promise<Buffer>;
  /** The code of a refusal, which must be the next frame and followed by the engine's hanging up. */
  readonly refusal: (what: string, ms?: number) => Promise<string>;
  readonly cut: () => void;
};

export async function wireTo(socketPath: string, patience: Patience): Promise<TrialWire> {
  const socket = createConnection(socketPath);
  const decoder = createFrameDecoder(frameBytesMax);
  const frames: (Frame | Error | undefined)[] = [];
  let wake: (() => void) | undefined;
  const give = (frame: Frame | Error | undefined): void => {
    frames.push(frame);
    wake?.();
  };
  socket.on('data', (chunk: Buffer) => {
    try {
      decoder.push(chunk).forEach(give);
    } catch (cause) {
      give(cause instanceof Error ? cause : new Error(String(cause)));
      socket.destroy();
    }
  });
  socket.on('end', () => give(undefined));
  await patience.within(
    `a connection to ${socketPath}`,
    new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', cause =>
        reject(new EngineBreachError(`its socket takes no connection: ${cause.message}`)),
      );
    }),
  );
  socket.on('error', () => give(undefined));
  // Cut by ourselves.
  socket.on('close', () => give(undefined));

  async function next(what: string, ms?: number): Promise<Frame | undefined> {
    while (frames.length === 0) {
      const arrived = new Promise<void>(resolve => {
        wake = resolve;
      });
      await patience.within(what, arrived, ms);
    }
    const frame = frames[0];
    // The end stays: whoever asks again learns of it again.
    if (frame !== undefined) frames.shift();
    if (frame instanceof Error) throw new EngineBreachError(frame.message);
    return frame;
  }

  return {
    send: bytes => void socket.write(bytes),
    next,
    async expect(type, what) {
      const frame = await next(what);
      must(frame !== undefined, `the engine hung up instead of sending ${what}`);
      must(frame.type === type, `${what} was due, but ${frameText(frame)} came`);
      return frame.payload;
    },
    async refusal(what, ms) {
      const frame = await next(`an answer to ${what}`, ms);
      must(frame?.type === frameType.refused, `${what} must be refused, but ${frameText(frame)} came`);
      const {code} = decodeJson(frame.payload);
      const after = await next(`the engine's hanging up after it has refused ${what}`);
      must(after === undefined, `after refusing ${what} the engine sent ${frameText(after)}`);
      socket.end();
      return String(code);
    },
    cut: () => socket.destroy(),
  };
}

/** For messages: a refusal with its code, anything else by its type. */
export function frameText(frame: Frame | undefined): string {
  if (frame === undefined) return 'the end of the connection';
  if (frame.type !== frameType.refused) return `a frame of type 0x${frame.type.toString(16)}`;
  return `a refusal (${frame.payload.toString('utf8').slice(0, 200)})`;
}

/** `versions`: lowest and highest the owner speaks. */
export function helloFrame(
  nonce: Uint8Array,
  versions: readonly [number, number] = [1, 1],
  magic = 'TNEP',
): Buffer {
  const head = Buffer.alloc(8);
  head.write(magic, 'latin1');
  head.writeUInt16BE(versions[0], 4);
  head.writeUInt16BE(versions[1], 6);
  return encodeFrame(frameType.hello, Buffer.concat([head, nonce]));
}

export type Challenged = {
  readonly version: number;
  readonly ownerNonce: Buffer;
  readonly engineNonce: Buffer;
  readonly engineId: Buffer;
};

/** Says hello and takes the challenge, whose form is checked. */
export async function beChallenged(
  wire: TrialWire,
  engineId: string,
  versions: readonly [number, number] = [1, 1],
): Promise<Challenged> {
  const ownerNonce = randomBytes(nonceBytes);
  wire.send(helloFrame(ownerNonce, versions));
  const payload = await wire.expect(frameType.challenge, 'a challenge');
  must(payload.length >= 2 + nonceBytes, `a challenge of ${payload.length} bytes is too short`);
  const version = payload.readUInt16BE(0);
  must(version === 1, `the engine chose version ${version}; this suite knows version 1`);
  const name = payload.subarray(2 + nonceBytes);
  must(
    name.toString('utf8') === engineId,
    `the challenge names engine ${name.toString('utf8')}, not ${engineId}`,
  );
  return {version, ownerNonce, engineNonce: payload.subarray(2, 2 + nonceBytes), engineId: name};
}

/** `claim` as it is sent, normally `{"owner", "epoch"}`. */
export function proveFrame(
  challenged: Challenged,
  secret: string,
  claim: string,
  role: 'owner' | 'engine' = 'owner',
): Buffer {
  const said = {...challenged, claim: Buffer.from(claim)};
  return encodeFrame(
    frameType.prove,
    Buffer.concat([proofOf(Buffer.from(secret, 'hex'), role, said), said.claim]),
  );
}

/** The engine's proof and state in its welcome. Throws `EngineBreachError` when the proof is wrong. */
export function readWelcome(
  payload: Buffer,
  challenged: Challenged,
  secret: string,
  claim: string,
): Readonly<Record<string, unknown>> {
  const expected = proofOf(Buffer.from(secret, 'hex'), 'engine', {...challenged, claim: Buffer.from(claim)});
  must(payload.subarray(0, expected.length).equals(expected), 'the proof in its welcome is wrong');
  return decodeJson(payload.subarray(expected.length));
}
