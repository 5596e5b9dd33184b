/**
 * A TCP proxy that misbehaves on demand, for the network between two processes of a test.
 *
 * Bytes are never lost out of the middle, as TCP never does: a black hole holds them back, with the ends and resets behind
 * them, and lets them go when it is lifted. Who dialled is told apart by `sourceOf`, so one proxy in front of a process can
 * treat each of its peers differently.
 */
import {createServer, connect, type AddressInfo, type Socket} from 'node:net';

export type Direction = 'toTarget' | 'toClient' | 'both';

/** Undone by `pass`. Where a `source` is given they hold for its connections only, open and new ones. */
export type TcpProxy = {
  readonly port: number;
  /** Everything as it comes; what was held back goes on its way. */
  readonly pass: (source?: string) => void;
  /** Nothing arrives any more, and nobody is told. */
  readonly blackhole: (direction: Direction, source?: string) => void;
  /** Each chunk comes later by `delayMs`, and up to `jitterMs` more; the order stays. */
  readonly delay: (delayMs: number, jitterMs?: number, source?: string) => void;
  readonly throttle: (bytesPerSecond: number, source?: string) => void;
  /** Each chunk comes in pieces of at most so many bytes, one a turn of the loop. */
  readonly slice: (bytes: number, source?: string) => void;
  /** Breaks the open connections at once; new ones are let through. */
  readonly reset: (source?: string) => void;
  /** As a paused process: new connections are made, and then nothing. */
  readonly freezeAccept: () => void;
  /** Sources of the open connections. */
  readonly sources: () => readonly string[];
  readonly close: () => Promise<void>;
};

export type TcpProxyOptions = {
  readonly targetPort: number;
  readonly targetHost?: string;
  /** Where to listen on 127.0.0.1; 0, the default, takes any. */
  readonly port?: number;
  /** A name for whoever dials from that port of this host. */
  readonly sourceOf?: (remotePort: number) => string;
  /** In [0, 1), for jitter. */
  readonly random?: () => number;
};

type Faults = {
  readonly blackhole: Direction | undefined;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  readonly sliceBytes: number;
};

const noFaults: Faults = {
  blackhole: undefined,
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: Infinity,
  sliceBytes: Infinity,
};

type Parcel = {readonly what: Buffer | 'end' | 'reset'; readonly dueMs: number};

type Lane = {readonly look: () => void};

type Pair = {
  readonly source: string;
  readonly client: Socket;
  readonly target: Socket;
  readonly lanes: readonly Lane[];
};

/** Held back at most, on each way of a connection; then its sender is slowed down. */
const heldBytesMax = 4 * 1024 * 1024;

export async function startTcpProxy({
  targetPort,
  targetHost = '127.0.0.1',
  port = 0,
  sourceOf = () => '',
  random = Math.random,
}: TcpProxyOptions): Promise<TcpProxy> {
  /** Undefined: for whoever has none of their own. */
  const faults = new Map<string | undefined, Faults>();
  const pairs = new Set<Pair>();
  /** Accepted while frozen. */
  const frozen = new Set<Socket>();
  let isFrozen = false;

  const faultsFor = (source: string): Faults => faults.get(source) ?? faults.get(undefined) ?? noFaults;

  function change(source: string | undefined, changes: Partial<Faults>): void {
    const before = faults.get(source) ?? faults.get(undefined) ?? noFaults;
    faults.set(source, {...before, ...changes});
    for (const {lanes} of pairs) for (const lane of lanes) lane.look();
  }

  function join(client: Socket): void {
    const source = sourceOf(client.remotePort ?? 0);
    const target = connect({port: targetPort, host: targetHost, allowHalfOpen: true});
    const lanes = [
      pump(client, target, () => faultsFor(source), 'toTarget', random),
      pump(target, client, () => faultsFor(source), 'toClient', random),
    ];
    const pair: Pair = {source, client, target, lanes};
    pairs.add(pair);
    let closes = 0;
    for (const socket of [client, target]) {
      socket.setNoDelay(true);
      socket.once('close', () => {
        closes += 1;
        if (closes === 2) pairs.delete(pair);
      });
    }
  }

  const server = createServer({pauseOnConnect: true, allowHalfOpen: true}, client => {
    if (!isFrozen) return join(client);
    frozen.add(client);
    client.once('error', () => undefined).once('close', () => frozen.delete(client));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    pass(source) {
      if (source === undefined) {
        isFrozen = false;
        for (const client of frozen) join(client);
        frozen.clear();
        for (const name of faults.keys()) if (name !== undefined) faults.delete(name);
      }
      change(source, noFaults);
    },
    blackhole: (direction, source) => change(source, {blackhole: direction}),
    delay: (delayMs, jitterMs = 0, source) => change(source, {delayMs, jitterMs}),
    throttle: (bytesPerSecond, source) => change(source, {bytesPerSecond}),
    slice: (bytes, source) => change(source, {sliceBytes: bytes}),
    reset(source) {
      for (const pair of pairs) {
        if (source !== undefined && pair.source !== source) continue;
        pair.client.resetAndDestroy();
        pair.target.resetAndDestroy();
      }
    },
    freezeAccept() {
      isFrozen = true;
    },
    sources: () => [...pairs].map(({source}) => source),
    close: () =>
      new Promise(resolve => {
        for (const {client, target} of pairs) {
          client.destroy();
          target.destroy();
        }
        for (const client of frozen) client.destroy();
        server.close(() => resolve());
      }),
  };
}

/** One way of one connection: what comes is queued with its time, and leaves when faults and receiver let it. */
function pump(
  from: Socket,
  to: Socket,
  faults: () => Faults,
  way: 'toTarget' | 'toClient',
  random: () => number,
): Lane {
  const queue: Parcel[] = [];
  let heldBytes = 0;
  let lastDueMs = 0;
  let isLeaving = false;
  /** Earliest time of the next piece, as the throttle has it. */
  let freeMs = 0;

  function take(what: Parcel['what']): void {
    const {delayMs, jitterMs} = faults();
    lastDueMs = Math.max(lastDueMs, performance.now() + delayMs + random() * jitterMs);
    queue.push({what, dueMs: lastDueMs});
    if (typeof what !== 'string') heldBytes += what.length;
    if (heldBytes > heldBytesMax) from.pause();
    look();
  }

  function look(): void {
    if (isLeaving || queue.length === 0 || isHole()) return;
    isLeaving = true;
    void leave().finally(() => {
      isLeaving = false;
      // What came, or was changed, in the meantime.
      if (queue.length > 0 && !isHole()) look();
    });
  }

  const isHole = (): boolean => {
    const {blackhole} = faults();
    return blackhole === 'both' || blackhole === way;
  };

  async function leave(): Promise<void> {
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      await until(next.dueMs);
      if (isHole()) return;
      queue.shift();
      if (next.what === 'end') to.end();
      else if (next.what === 'reset') to.resetAndDestroy();
      else await write(next.what);
    }
  }

  async function write(chunk: Buffer): Promise<void> {
    const {sliceBytes, bytesPerSecond} = faults();
    const pieceBytes = Math.max(1, Math.min(sliceBytes, bytesPerSecond / 20));
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      const piece = chunk.subarray(at, at + pieceBytes);
      await until(freeMs);
      freeMs = Math.max(freeMs, performance.now()) + (piece.length / bytesPerSecond) * 1000;
      if (to.destroyed) break;
      if (!to.write(piece)) await drained(to);
      // A turn of its own, so that the receiver reads each alone.
      else if (sliceBytes < Infinity) await new Promise(setImmediate);
    }
    heldBytes -= chunk.length;
    if (from.isPaused() && heldBytes <= heldBytesMax) from.resume();
  }

  from.on('data', (chunk: Buffer) => take(chunk));
  from.once('end', () => take('end'));
  // Refused, reset, or broken: the other side learns it as a reset, after what came before.
  from.once('error', () => take('reset'));
  from.resume();
  return {look};
}

const until = (dueMs: number): Promise<void> | undefined => {
  const waitMs = dueMs - performance.now();
  return waitMs <= 0 ? undefined : new Promise(resolve => void setTimeout(resolve, waitMs));
};

const drained = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
