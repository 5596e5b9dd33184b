/**
 * A network of nodes in one process, for tests and simulation: the contract of connection.ts, and verbs for all that real
 * networks do. Whatever happens follows from the clock and the random numbers it is given.
 *
 * What is left out: proofs and certificates; a half-open cut does not stop the way that is open.
 */
import type {Clock} from '../actors/runtime/clock.ts';
import type {Random} from '../actors/runtime/random.ts';
import type {Connection, PeerIdentity, Transport} from './connection.ts';
import {commonWireVersion, wireVersions, type NodeIdentity, type WireRange} from './hello.ts';
import {LinkError, PeerGoneError} from './link-errors.ts';
import {MemoryConnection} from './memory-transport-connection.ts';
import {Pipe} from './memory-transport-pipe.ts';
import {parseNodeAddress} from './node-address.ts';

export type MemoryNetworkOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<MemoryNetworkLimits>;
};

export type MemoryNetworkLimits = {
  /** Bytes that the operating systems of both sides take without anybody reading. */
  readonly windowBytes: number;
  readonly drainBytes: number;
  readonly handshakeMs: number;
  readonly closeGraceMs: number;
};

const defaultLimits: MemoryNetworkLimits = {
  windowBytes: 1024 * 1024,
  drainBytes: 64 * 1024,
  handshakeMs: 3000,
  closeGraceMs: 1000,
};

/** Nodes are named by their `instance`. */
export type MemoryNetwork = {
  /** A process with that identity. One with the same instance, living on after a crash, is a new life of it. */
  readonly transport: (identity: NodeIdentity, wire?: WireRange) => Transport;
  /** Packets from `from` to `to` get lost, and unless `isOneWay` the others too; nobody is told. */
  readonly cut: (from: string, to: string, options?: {readonly isOneWay: boolean}) => void;
  /** Both ways. What was lost is sent again, sooner or later. */
  readonly heal: (from: string, to: string) => void;
  /** How long frames between the two take, both ways: `ms` and up to `jitterMs` more. They keep their order. */
  readonly delay: (from: string, to: string, ms: number, jitterMs?: number) => void;
  /** The process stands still: it takes nothing, and its socket takes all that the window holds. */
  readonly pause: (node: string) => void;
  readonly resume: (node: string) => void;
  /** The process dies: its connections end (1006), dials are refused until a new life listens. It hears nothing of it. */
  readonly crash: (node: string) => void;
};

/** One life of a process. */
type Life = {
  readonly identity: NodeIdentity;
  readonly wire: WireRange;
  readonly connections: Set<MemoryConnection>;
  isAlive: boolean;
  onConnection: ((connection: Connection) => void) | undefined;
};

type Route = {readonly pipe: Pipe; readonly from: string; readonly to: string};

export function createMemoryNetwork({clock, random, limits: given}: MemoryNetworkOptions): MemoryNetwork {
  const limits = {...defaultLimits, ...given};
  const lives = new Map<string, Life>();
  const cuts = new Set<string>();
  const delays = new Map<string, {readonly ms: number; readonly jitterMs: number}>();
  const paused = new Set<string>();
  const routes = new Set<Route>();

  const wayOf = (from: string, to: string): string => `${from} ${to}`;
  const delayMs = (way: string): number => {
    const {ms, jitterMs} = delays.get(way) ?? {ms: 0, jitterMs: 0};
    return jitterMs === 0 ? ms : ms + random.next() * jitterMs;
  };
  function newRoute(from: string, to: string, isUnheard: () => boolean): Route {
    const way = wayOf(from, to);
    const pipe = new Pipe({
      clock,
      random,
      delayMs: () => delayMs(way),
      isCut: () => cuts.has(way),
      isHeld: () => paused.has(to) || isUnheard(),
    });
    const route = {pipe, from, to};
    routes.add(route);
    return route;
  }

  function dial(life: Life, address: string, signal: AbortSignal): Promise<Connection> {
    const node = parseNodeAddress(address);
    if (typeof node === 'string') return Promise.reject(new LinkError(address, `its address ${node}`));
    const {instance} = life.identity;
    return new Promise((resolve, reject) => {
      let ownEnd: MemoryConnection | undefined;
      let otherEnd: MemoryConnection | undefined;
      let isOpen = false;
      const there = newRoute(instance, address, () => otherEnd?.isHeard === false);
      const back = newRoute(address, instance, () => isOpen && ownEnd?.isHeard === false);

      const settle = (): boolean => {
        signal.removeEventListener('abort', onAbort);
        cancelTimer();
        return life.isAlive;
      };
      const fail = (error: LinkError | PeerGoneError): void => {
        if (!settle()) return;
        if (ownEnd === undefined) {
          there.pipe.clear();
          forget(there, back);
        } else {
          ownEnd.vanish();
        }
        reject(error);
      };
      const onAbort = (): void => fail(new LinkError(address, 'the attempt was given up', signal.reason));
      const cancelTimer = clock.after(limits.handshakeMs, () =>
        fail(new LinkError(address, `it did not answer within ${limits.handshakeMs} ms`)),
      );
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort);

      const answer = (settled: () => void): void => back.pipe.push(0, settled);
      return there.pipe.push(0, () => {
        if (!life.isAlive) return forget(there, back);
        const target = lives.get(address);
        if (target?.isAlive !== true || target.onConnection === undefined) {
          return answer(() => fail(new PeerGoneError(address)));
        }
        const wireVersion = commonWireVersion(life.wire, target.wire);
        if (target === life) return answer(() => fail(new LinkError(address, 'it is this very node')));
        if (wireVersion === undefined) {
          return answer(() => fail(new LinkError(address, 'it speaks no wire version that we speak')));
        }
        const [dialled, accepted] = connect(life, target, wireVersion, there, back);
        ownEnd = dialled;
        otherEnd = accepted;
        answer(() => {
          if (!settle()) return;
          isOpen = true;
          resolve(dialled);
        });
        return target.onConnection(accepted);
      });
    });
  }

  function connect(
    from: Life,
    to: Life,
    wireVersion: number,
    there: Route,
    back: Route,
  ): readonly [MemoryConnection, MemoryConnection] {
    const always = (): boolean => false;
    const drainedThere = newRoute(from.identity.instance, to.identity.instance, always);
    const drainedBack = newRoute(to.identity.instance, from.identity.instance, always);
    let openEnds = 2;
    const endOf = (life: Life, other: Life, isDialler: boolean): MemoryConnection => {
      const [out, incoming, drained] = isDialler ? [there, back, drainedBack] : [back, there, drainedThere];
      const end = new MemoryConnection({
        ...limits,
        clock,
        peer: peerOf(other, wireVersion),
        isDialler,
        outgoing: out.pipe,
        incoming: incoming.pipe,
        drained: drained.pipe,
        other: () => (isDialler ? accepted : dialled),
        onClosed() {
          life.connections.delete(end);
          openEnds -= 1;
          if (openEnds === 0) forget(there, back, drainedThere, drainedBack);
        },
      });
      life.connections.add(end);
      return end;
    };
    const dialled = endOf(from, to, true);
    const accepted = endOf(to, from, false);
    return [dialled, accepted];
  }

  const forget = (...gone: readonly Route[]): void => {
    for (const route of gone) routes.delete(route);
  };

  const routesOf = (from: string, to: string): readonly Route[] =>
    [...routes].filter(route => route.from === from && route.to === to);

  return {
    transport(identity, wire = wireVersions) {
      const life: Life = {identity, wire, connections: new Set(), isAlive: true, onConnection: undefined};
      lives.set(identity.instance, life);
      return {
        dial: (address, signal) => dial(life, address, signal),
        listen: async onConnection => {
          const address = parseNodeAddress(identity.instance);
          life.onConnection = onConnection;
          return {
            ...(typeof address === 'string' ? {host: identity.instance, port: 0} : address),
            close: async () => {
              life.onConnection = undefined;
            },
          };
        },
      };
    },
    cut(from, to, {isOneWay} = {isOneWay: false}) {
      for (const way of isOneWay ? [wayOf(from, to)] : [wayOf(from, to), wayOf(to, from)]) {
        cuts.add(way);
      }
    },
    heal(from, to) {
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        if (!cuts.delete(wayOf(one, other))) continue;
        for (const {pipe} of routesOf(one, other)) pipe.heal();
      }
    },
    delay(from, to, ms, jitterMs = 0) {
      delays.set(wayOf(from, to), {ms, jitterMs});
      delays.set(wayOf(to, from), {ms, jitterMs});
    },
    pause(node) {
      paused.add(node);
    },
    resume(node) {
      paused.delete(node);
      for (const route of [...routes]) if (route.to === node) route.pipe.resume();
    },
    crash(node) {
      const life = lives.get(node);
      if (life === undefined) return;
      life.isAlive = false;
      life.onConnection = undefined;
      paused.delete(node);
      for (const connection of [...life.connections]) {
        connection.silence();
        connection.vanish();
      }
      // Dials that wait at its door are refused now.
      for (const route of [...routes]) if (route.to === node) route.pipe.resume();
    },
  };
}

const peerOf = ({identity}: Life, wireVersion: number): PeerIdentity => ({
  instance: identity.instance,
  incarnation: identity.incarnation,
  roles: identity.roles,
  wireVersion,
});
