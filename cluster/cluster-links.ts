/**
 * The links of one node to its peers: who is connected, which of two connections stays, which life of a peer counts, and
 * what became of it. Says what it sees; who is alive is decided elsewhere, by the leases, and told by `nodeDead`.
 */
import type {DeadLetter} from '../actors/runtime/dead-letters.ts';
import {cellOf} from '../actors/runtime/local-ref.ts';
import {watch} from '../actors/runtime/death-watch.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import type {Machine} from '../actors/runtime/machine.ts';
import type {Random} from '../actors/runtime/random.ts';
import type {Receptionist} from '../actors/runtime/receptionist.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import type {RuntimeLog} from '../actors/runtime/runtime-log.ts';
import type {ActorSystem} from '../actors/runtime/system.ts';
import type {Connection, Transport} from './connection.ts';
import {Exports} from './exports.ts';
import type {RefAddress} from './frame-refs.ts';
import {LinkDialler} from './link-dialler.ts';
import {LinkSession, type SessionHost} from './link-session.ts';
import {PeerReceptionist} from './peer-receptionist.ts';
import {RemoteRef} from './remote-ref.ts';

/** `suspect`: nothing came for 2 s, and no connection has come up since. That is no proof of anything. */
export type LinkState = 'up' | 'suspect' | 'down';

/**
 * `refused`: nobody listens at the peer's address, which proves that its process is gone; said again with each dial. When
 * `up` is said the peer's services may not be there yet: listen to the receptionist for them.
 */
export type LinkEvent = {
  readonly type: 'up' | 'suspect' | 'down' | 'refused';
  readonly instance: string;
  /** Undefined while no life of the peer is known. */
  readonly incarnation: string | undefined;
};

/** What is known of one peer's link, for people and metrics. */
export type LinkStatus = {
  readonly instance: string;
  readonly incarnation: string | undefined;
  readonly state: LinkState;
  readonly rttMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Messages that wait to be sent. */
  readonly queued: number;
};

export type PeerAddress = {
  readonly instance: string;
  /** `host:port` to dial. */
  readonly address: string;
  /** The life of the peer that is expected there; the one that answers counts. */
  readonly incarnation?: string;
};

export type ClusterLinksOptions = {
  readonly transport: Pick<Transport, 'dial'>;
  readonly system: ActorSystem;
  readonly self: {readonly instance: string; readonly incarnation: string};
  readonly clock: Clock;
  readonly random: Random;
  readonly log: RuntimeLog;
  /** Which messages go before all others, such as a kill, whatever waits. Default: none. */
  readonly isControl?: (message: unknown) => boolean;
};

export type ClusterLinks = {
  readonly receptionist: Receptionist;
  /** Takes a connection that a peer has dialled; give it to `transport.listen`. */
  readonly accept: (connection: Connection) => void;
  /** Keeps a link to that peer from now on. Again with another address: dials there. */
  readonly connect: (peer: PeerAddress) => void;
  /** Ends the link and stops dialling. Nothing is settled: what waits goes on when the link is made again. */
  readonly disconnect: (instance: string, why: string) => void;
  readonly links: () => readonly LinkStatus[];
  /** Returns what ends that. */
  readonly onLink: (listener: (event: LinkEvent) => void) => () => void;
  /** That life is over: its questions fail, its watches fire, and it is never heard again. */
  readonly nodeDead: (instance: string, incarnation: string) => void;
  /** Says goodbye to all peers and settles what is open. */
  readonly close: () => void;
};

type Peer = {
  readonly instance: string;
  readonly dialler: LinkDialler;
  expected: string | undefined;
  session: LinkSession | undefined;
  connectedAtMs: number;
  state: LinkState;
};

/** Lives known to be over; the oldest are forgotten, long after their connections. */
const deadMax = 4096;
const closeCodes = {doubleDial: 4409, declaredDead: 4410} as const;

/** Owns nothing but its place: the watches on what peers know of are set in its name. */
const watcher: Machine<undefined, never, never> = {
  initial: undefined,
  decide: () => ({state: undefined, effects: []}),
  perform() {},
};

export function createClusterLinks(options: ClusterLinksOptions): ClusterLinks {
  const {system, self, clock, random, log, transport, isControl = () => false} = options;
  const cell = cellOf(system.spawn('cluster-links', watcher));
  if (cell === undefined) throw new Error('The actor of the cluster links was not started.');
  const {deadLetters} = cell.runtime;
  const peers = new Map<string, Peer>();
  /** Sessions by instance and incarnation, of lives that are not known to be over. */
  const sessions = new Map<string, LinkSession>();
  const dead = new Set<string>();
  const listeners = new Set<(event: LinkEvent) => void>();
  const exports = new Exports((ref, notify) => watch(cell, ref, notify));
  const receptionist = new PeerReceptionist(self.instance, exports, () => {
    for (const session of sessions.values()) session.announceServices();
  });
  let isClosed = false;

  const host: SessionHost = {
    clock,
    log,
    exports,
    isControl,
    deadLetter: (letter: DeadLetter) => deadLetters.add(letter),
    elsewhere,
    services: () => receptionist.own,
    onServices: (session, entries) => receptionist.announced(session, entries),
    onUp: session => change(session, 'up'),
    onCut(session, {isSilent, wasClean}) {
      receptionist.lost(session);
      change(session, isSilent ? 'suspect' : 'down');
      const peer = peers.get(session.instance);
      if (peer?.session === session) peer.dialler.lost({wasClean});
    },
    onGoodbye: (session, why) => over(session, `has left (${why})`),
    onForgotten: session => over(session, 'has forgotten this node, so it is another one'),
  };

  function peerOf(instance: string, address = instance): Peer {
    const known = peers.get(instance);
    if (known !== undefined) return known;
    const peer: Peer = {
      instance,
      expected: undefined,
      session: undefined,
      connectedAtMs: 0,
      state: 'down',
      dialler: new LinkDialler(
        address,
        {transport, clock, random, log},
        {
          onConnection: accept,
          onRefused: () =>
            tell({type: 'refused', instance, incarnation: peer.session?.incarnation ?? peer.expected}),
        },
      ),
    };
    peers.set(instance, peer);
    return peer;
  }

  function tell(event: LinkEvent): void {
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch (error) {
        log.error({err: error, ...event}, 'A listener to link events threw.');
      }
    }
  }

  function change(session: LinkSession, state: LinkState): void {
    const {instance, incarnation} = session;
    const peer = peers.get(instance);
    if (peer?.session !== session || peer.state === state) return;
    peer.state = state;
    tell({type: state, instance, incarnation});
  }

  const keyOf = (instance: string, incarnation: string): string => `${instance}#${incarnation}`;

  function sessionOf(peer: {readonly instance: string; readonly incarnation: string}): LinkSession {
    const key = keyOf(peer.instance, peer.incarnation);
    const known = sessions.get(key);
    if (known !== undefined) return known;
    const session = new LinkSession(peer, host);
    if (dead.has(key) || isClosed) session.end('is gone', closeCodes.declaredDead);
    else sessions.set(key, session);
    return session;
  }

  function elsewhere(address: RefAddress & {at: 'elsewhere'}): Ref<never> {
    const {instance, incarnation, uid, flags, path} = address;
    const own =
      instance === self.instance && incarnation === self.incarnation ? exports.find(uid) : undefined;
    if (own !== undefined) return own.ref;
    const session = sessionOf({instance, incarnation});
    if (session.isOver) {
      const gone = new RemoteRef<never>(session, uid, flags, path, true);
      gone.unreachable('is gone');
      return gone;
    }
    const ref = session.refs.remote.ref(uid, flags, path, false);
    if (!ref.takesOneAnswer) session.refs.introduce(ref);
    return ref;
  }

  function over(session: LinkSession, why: string): void {
    const {instance, incarnation} = session;
    const key = keyOf(instance, incarnation);
    dead.add(key);
    for (const oldest of dead) {
      if (dead.size <= deadMax) break;
      dead.delete(oldest);
    }
    sessions.delete(key);
    receptionist.lost(session);
    change(session, 'down');
    const peer = peers.get(instance);
    if (peer?.session === session) {
      peer.session = undefined;
      peer.state = 'down';
      if (peer.expected === incarnation) peer.expected = undefined;
      peer.dialler.lost({wasClean: false});
    }
    if (peer?.session === undefined && peer?.dialler.isWanted === false) peers.delete(instance);
    session.end(why, closeCodes.declaredDead);
  }

  function accept(connection: Connection, dialledAtMs = Infinity): void {
    const {instance, incarnation} = connection.peer;
    if (isClosed || dead.has(keyOf(instance, incarnation))) {
      connection.close(closeCodes.declaredDead, 'this incarnation is known to be dead');
      return;
    }
    const known = peers.get(instance);
    if (known?.session !== undefined && known.session.incarnation !== incarnation) {
      // Two lives can't both hold the address; the one whose connection still moves is the living one.
      // A dial that began before that one connected may have been answered by a life that is over since.
      const isStale = dialledAtMs < known.connectedAtMs;
      const isStranger = known.session.isUp && !connection.isDialler && known.expected !== incarnation;
      if (isStale || isStranger) {
        connection.close(closeCodes.doubleDial, 'another incarnation is connected');
        return;
      }
      over(known.session, 'was started anew');
    }
    const session = sessionOf(connection.peer);
    const peer = peerOf(instance);
    peer.session = session;
    if (!stays(session.connection, connection)) {
      connection.close(closeCodes.doubleDial, 'the other connection stays');
      return;
    }
    peer.connectedAtMs = clock.monotonicMs();
    session.connect(connection, dialledAtMs);
    // Unless it had been closed already.
    if (session.connection === connection) peer.dialler.connected();
  }

  /** Whether the newer connection takes the older one's place; both ends decide alike. */
  function stays(older: Connection | undefined, newer: Connection): boolean {
    // The same side dialled again: it knows that its older one is broken.
    if (older === undefined || older.isDialler === newer.isDialler) return true;
    const diallerOfNewer = newer.isDialler ? self.incarnation : newer.peer.incarnation;
    const diallerOfOlder = older.isDialler ? self.incarnation : older.peer.incarnation;
    return diallerOfNewer < diallerOfOlder;
  }

  return {
    receptionist,
    accept: connection => accept(connection),
    connect({instance, address, incarnation}) {
      if (isClosed || instance === self.instance) return;
      if (incarnation !== undefined) {
        // Refs of a former life may have come from third nodes; nobody else would tell their end. One that has connected,
        // and was never expected, may be newer than this `incarnation`.
        const before = peers.get(instance)?.expected;
        for (const session of [...sessions.values()]) {
          if (session.instance !== instance || session.incarnation === incarnation || session.isUp) continue;
          if (!session.wasConnected || session.incarnation === before) over(session, 'was started anew');
        }
      }
      const peer = peerOf(instance, address);
      peer.expected = incarnation ?? peer.expected;
      peer.dialler.address = address;
      peer.dialler.start();
    },
    disconnect(instance, why) {
      const peer = peers.get(instance);
      if (peer === undefined) return;
      peer.dialler.stop();
      const {session} = peer;
      if (session === undefined) return;
      session.disconnect(why);
      host.onCut(session, {isSilent: false, wasClean: true});
    },
    links: () =>
      [...peers.values()].map(({instance, expected, session, state}) => ({
        instance,
        incarnation: session?.incarnation ?? expected,
        state,
        rttMs: session?.traffic.rttMs,
        bytesIn: session?.traffic.bytesIn ?? 0,
        bytesOut: session?.traffic.bytesOut ?? 0,
        queued: session?.queued ?? 0,
      })),
    onLink(listener) {
      const call = (event: LinkEvent): void => listener(event);
      listeners.add(call);
      return () => listeners.delete(call);
    },
    nodeDead(instance, incarnation) {
      const peer = peers.get(instance);
      // What was dialled for that life is not wanted for another, unless somebody says so.
      if (peer !== undefined && (peer.expected ?? incarnation) === incarnation) peer.dialler.stop();
      over(sessionOf({instance, incarnation}), 'is gone');
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      for (const {dialler} of peers.values()) dialler.stop();
      for (const session of [...sessions.values()]) {
        session.sayGoodbye('this node stops');
        over(session, 'was left by this node');
      }
    },
  };
}
