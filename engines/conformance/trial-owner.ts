/** An owner that is attached to an engine under check: requests, and the stream of one task. */
import {decodeData, decodeJson, encodeAck, encodeJson, frameType, type Frame} from '../engine-frame.ts';
import {createSpoolDecoder, recordType, type SpoolRecord} from '../spool-record.ts';
import {EngineBreachError, must} from './conformance-errors.ts';
import type {Patience} from './patience.ts';
import type {TrialProcess} from './trial-engine.ts';
import {beChallenged, frameText, proveFrame, readWelcome, wireTo, type TrialWire} from './trial-wire.ts';

export type TaskKey = {readonly taskID: number; readonly attempt: number};

export type Claim = {readonly owner: string; readonly epoch: number};

export type TrialOwner = {
  /** What the welcome said. */
  readonly state: Readonly<Record<string, unknown>>;
  /** Rejects with `EngineBreachError` when the reply has an error. */
  readonly request: (type: string, fields: Readonly<Record<string, unknown>>) => Promise<void>;
  /** The code of the error that the reply must have. */
  readonly refusal: (type: string, fields: Readonly<Record<string, unknown>>) => Promise<string>;
  readonly send: (bytes: Uint8Array) => void;
  /** Begins the stream of a task at an offset; what an earlier one still sends is left out. */
  readonly follow: (task: TaskKey, from: number, options?: FollowOptions) => Promise<TrialStream>;
  /** The text of the notice that the engine sends next. */
  readonly notice: Promise<string>;
  /** Resolves when the connection is over, with the code of a refusal if there was one. */
  readonly closed: Promise<string>;
  readonly cut: () => void;
};

export type FollowOptions = {
  /** Acknowledge every whole record as it comes. Default true. */
  readonly acknowledges?: boolean;
};

export type TrialStream = {
  readonly from: number;
  /** All bytes received so far. */
  readonly bytes: () => Buffer;
  readonly records: () => readonly SpoolRecord[];
  readonly acknowledge: (offset: number) => void;
  /** From now on acknowledges everything, what came already included. */
  readonly catchUp: () => void;
  /** Resolves with the payload of the record `ended`. */
  readonly ended: Promise<Readonly<Record<string, unknown>>>;
};

type Open = TrialStream & {readonly take: (payload: Buffer) => void; readonly key: TaskKey};

/** Rejects with `EngineBreachError` unless the engine accepts the claim. */
export async function attach(engine: TrialProcess, claim: Claim, patience: Patience): Promise<TrialOwner> {
  const wire = await wireTo(engine.socketPath, patience);
  const text = JSON.stringify(claim);
  const challenged = await beChallenged(wire, engine.engineId);
  wire.send(proveFrame(challenged, engine.secret, text));
  const state = readWelcome(
    await wire.expect(frameType.welcome, 'a welcome'),
    challenged,
    engine.secret,
    text,
  );
  return ownerOn(wire, state, patience);
}

function ownerOn(wire: TrialWire, state: TrialOwner['state'], patience: Patience): TrialOwner {
  const replies = new Map<number, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  const notice = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<string>();
  // Both may end badly while nobody waits for them.
  notice.promise.catch(() => undefined);
  closed.promise.catch(() => undefined);
  let stream: Open | undefined;
  let nextId = 1;

  function handle(frame: Frame): void {
    switch (frame.type) {
      case frameType.reply: {
        const reply = decodeJson(frame.payload);
        const waiting = replies.get(Number(reply['id']));
        must(waiting !== undefined, `a reply has id ${JSON.stringify(reply['id'])}, which no request had`);
        replies.delete(Number(reply['id']));
        waiting.resolve(reply);
        return;
      }
      case frameType.data:
        stream?.take(frame.payload);
        return;
      case frameType.notice:
        notice.resolve(String(decodeJson(frame.payload)['type']));
        return;
      default:
        throw new EngineBreachError(`${frameText(frame)} came to an attached owner`);
    }
  }

  async function read(): Promise<void> {
    for (;;) {
      // Frames come one after the other, and an owner waits for them as long as it lives.
      // oxlint-disable-next-line no-await-in-loop
      const frame = await wire.next('a frame', Infinity);
      if (frame?.type === frameType.refused) {
        closed.resolve(String(decodeJson(frame.payload)['code']));
        break;
      }
      if (frame === undefined) {
        closed.resolve('');
        break;
      }
      handle(frame);
    }
  }

  function fail(error: unknown): void {
    for (const waiting of replies.values()) waiting.reject(error);
    replies.clear();
    closed.reject(error);
    notice.reject(error);
    wire.cut();
  }

  void read().then(
    () => {
      const error = new EngineBreachError('the engine closed the connection while an answer was due');
      for (const waiting of replies.values()) waiting.reject(error);
      replies.clear();
    },
    (error: unknown) => fail(error),
  );

  async function ask(
    type: string,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<{readonly code: string; readonly message: string} | undefined> {
    const id = nextId++;
    const waiting = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    replies.set(id, waiting);
    wire.send(encodeJson(frameType.request, {...fields, id, type}));
    const {error} = await patience.within(`a reply to ${type}`, waiting.promise);
    if (error === undefined || error === null) return undefined;
    must(typeof error === 'object', `the error in the reply to ${type} is no object`);
    const {code, message}: Record<string, unknown> = {...error};
    must(
      typeof code === 'string' && typeof message === 'string',
      `the error of ${type} lacks code or message`,
    );
    return {code, message};
  }

  async function request(type: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
    const error = await ask(type, fields);
    must(error === undefined, `${type} was refused with ${error?.code ?? ''}: ${error?.message ?? ''}`);
  }

  return {
    state,
    request,
    async refusal(type, fields) {
      const error = await ask(type, fields);
      must(error !== undefined, `${type} had to be refused, but was accepted`);
      return error.code;
    },
    send: wire.send,
    async follow(key, from, {acknowledges = true} = {}) {
      const opened = openStream(wire, key, from, acknowledges);
      stream = opened;
      closed.promise.then(
        why => opened.abort(new EngineBreachError(`the connection was closed (${why})`)),
        opened.abort,
      );
      await request('follow', {...key, from});
      return opened;
    },
    notice: notice.promise,
    closed: closed.promise,
    cut: wire.cut,
  };
}

function openStream(
  wire: TrialWire,
  key: TaskKey,
  from: number,
  acknowledgesFirst: boolean,
): Open & {readonly abort: (error: unknown) => void} {
  const {taskID, attempt} = key;
  const decoder = createSpoolDecoder(from);
  const chunks: Buffer[] = [];
  const records: SpoolRecord[] = [];
  const ended = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  ended.promise.catch(() => undefined);
  let acknowledges = acknowledgesFirst;
  let received = from;
  const acknowledge = (offset: number): void => wire.send(encodeAck(taskID, attempt, offset));
  return {
    key,
    from,
    bytes: () => Buffer.concat(chunks),
    records: () => records,
    acknowledge,
    catchUp() {
      acknowledges = true;
      if (decoder.decoded() > from) acknowledge(decoder.decoded());
    },
    ended: ended.promise,
    abort: ended.reject,
    take(payload) {
      if (payload.length === 0) return;
      const data = decodeData(payload);
      if (data.taskID !== taskID || data.attempt !== attempt) return;
      const range = `a data frame begins at ${data.offset}, where ${received} is due`;
      must(data.offset === received, range);
      received += data.bytes.length;
      chunks.push(data.bytes);
      const fresh = decoder.push(data.bytes);
      const damage = decoder.damage();
      if (damage !== undefined) throw damage;
      records.push(...fresh);
      const last = fresh.at(-1);
      if (last !== undefined && acknowledges) acknowledge(last.offset);
      const end = fresh.find(({type}) => type === recordType.ended);
      if (end !== undefined) ended.resolve(decodeJson(end.payload));
    },
  };
}
