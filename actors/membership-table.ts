/**
 * The other nodes, as the lease table and this node's links show them. Pure: looks at the table and link events go in, what
 * has become of whom comes out.
 *
 * Two kinds of knowledge that must not be mixed: a link says who is *reachable*, the table alone who is *dead*. They meet in
 * one place, `deathsIn`: a process whose port refuses connections and that has missed a renewal need not be waited for.
 */
import {isHeld, isSamePlace, type Lease, type LeaseDetails, type LeaseProof} from './domain/lease.ts';
import {memberOf, type LinkEvent, type Member, type MembershipEvent} from './membership-member.ts';

export type Peer = {
  readonly lease: Lease;
  /** The details as text, without what changes with every renewal. */
  readonly facts: string;
  /** When the first look that showed this stamp, since the last one that failed, had arrived. */
  readonly unchangedSinceMs: number | undefined;
  /** What the link to this incarnation said last. */
  readonly link: 'none' | LinkEvent['type'];
  /** Its port refused. Void as soon as it renews between two looks that were both begun after that. */
  readonly refusal: Refusal | undefined;
  /** Its row was not there, though nobody deletes rows; since when. */
  readonly missingSinceMs: number | undefined;
};

type Refusal = {
  readonly atMs: number;
  /** The first look that was begun after it. */
  readonly baseline: {readonly stamp: string; readonly receivedMs: number} | undefined;
};

/** By the name of the lease; of each address the latest incarnation. Ended ones stay until the table forgets them. */
export type Table = ReadonlyMap<string, Peer>;

/** One reading of the whole table; times are monotonic. */
export type Look = {
  readonly leases: readonly Lease[];
  readonly sentMs: number;
  readonly receivedMs: number;
};

export type PeerEvent = Exclude<MembershipEvent, {readonly type: 'frozen'} | {readonly type: 'thawed'}>;

/** A row that vanished is as good as expired after this long: its holder's renewals have failed, or it is frozen. */
const missingMsMax = 11_000;

export const isReachable = ({link}: Peer): boolean => link === 'none' || link === 'up';

export const peerMember = (peer: Peer): Member => memberOf(peer.lease, isReachable(peer), false);

/** What the look changes, and what there is to tell. */
export function lookAt(
  table: Table,
  look: Look,
): {readonly table: Table; readonly events: readonly PeerEvent[]} {
  const next = new Map<string, Peer>();
  const events: PeerEvent[] = [];
  for (const lease of look.leases) {
    const known = table.get(lease.name);
    const peer = known === undefined ? fresh(lease, look) : seenAgain(known, lease, look);
    next.set(lease.name, peer);
    events.push(...eventsOf(known, peer));
  }
  for (const [name, peer] of table) {
    if (next.has(name) || !isHeld(peer.lease)) continue;
    const missingSinceMs = peer.missingSinceMs ?? look.receivedMs;
    if (look.sentMs - missingSinceMs <= missingMsMax) next.set(name, {...peer, missingSinceMs});
    else events.push({type: 'dead', member: asDead(peer)});
  }
  return {table: next, events};
}

const fresh = (lease: Lease, {receivedMs}: Look): Peer => ({
  lease,
  facts: factsOf(lease),
  unchangedSinceMs: receivedMs,
  link: 'none',
  refusal: undefined,
  missingSinceMs: undefined,
});

function seenAgain(known: Peer, lease: Lease, look: Look): Peer {
  // A database that lost its last seconds shows older rows. What has been seen is not unseen.
  if (lease.fence < known.lease.fence) return {...known, missingSinceMs: undefined};
  if (lease.incarnation !== known.lease.incarnation) return fresh(lease, look);
  if (!isHeld(known.lease)) return known;
  return {
    lease,
    facts: factsOf(lease),
    unchangedSinceMs:
      lease.stamp === known.lease.stamp ? (known.unchangedSinceMs ?? look.receivedMs) : look.receivedMs,
    link: known.link,
    refusal: refusalAfter(known.refusal, lease, look),
    missingSinceMs: undefined,
  };
}

function refusalAfter(refusal: Refusal | undefined, {stamp}: Lease, look: Look): Refusal | undefined {
  if (refusal === undefined || look.sentMs < refusal.atMs) return refusal;
  const {atMs, baseline} = refusal;
  if (baseline === undefined) return {atMs, baseline: {stamp, receivedMs: look.receivedMs}};
  return baseline.stamp === stamp ? refusal : undefined;
}

function eventsOf(known: Peer | undefined, peer: Peer): PeerEvent[] {
  const {lease} = peer;
  const isSame = known?.lease.incarnation === lease.incarnation;
  const events: PeerEvent[] = [];
  // Whoever took the address could only do so because this one is gone.
  if (known !== undefined && !isSame && isHeld(known.lease)) {
    events.push({type: 'dead', member: asDead(known)});
  }
  if (!isSame || known.lease.state !== lease.state) {
    events.push({type: lease.state, member: peerMember(peer)});
  } else if (known.facts !== peer.facts) {
    events.push({type: 'changed', member: peerMember(peer)});
  }
  return events;
}

const asDead = (peer: Peer): Member => ({...peerMember(peer), state: 'dead', isReachable: false});

function factsOf({details: {renewals: _renewals, writer: _writer, ...facts}}: Lease): string {
  return JSON.stringify(facts);
}

/** What a link says of an incarnation. Undefined: the table does not know it, and should be read. */
export function noteLink(table: Table, event: LinkEvent, name: string, atMs: number): Table | undefined {
  const peer = table.get(name);
  if (peer === undefined || peer.lease.incarnation !== event.incarnation) return undefined;
  const {type} = event;
  const refusal =
    type === 'up'
      ? undefined
      : type === 'refused'
        ? (peer.refusal ?? {atMs, baseline: undefined})
        : peer.refusal;
  return new Map(table).set(name, {...peer, link: type, refusal});
}

/**
 * A failed look hides renewals, and where nobody can look nobody can renew either: everybody is watched anew. Else the first
 * to reach a database that was away would find all others expired.
 */
export function afterFailedLook(table: Table): Table {
  const next = new Map<string, Peer>();
  for (const [name, peer] of table) {
    const {refusal} = peer;
    next.set(name, {
      ...peer,
      unchangedSinceMs: undefined,
      refusal: refusal && {...refusal, baseline: undefined},
    });
  }
  return next;
}

/** Somebody may be about to be found dead: look more often. */
export const isUnsettled = (table: Table, look: Look, missedMs: number): boolean =>
  [...table.values()].some(
    peer =>
      isHeld(peer.lease) &&
      (!isReachable(peer) ||
        peer.missingSinceMs !== undefined ||
        look.sentMs - (peer.unchangedSinceMs ?? look.sentMs) >= missedMs),
  );

/** When the first of those whose port refuses will have missed its renewal, if it goes on; Infinity when nobody is. */
export function nextProofMs(table: Table, missedMs: number): number {
  const watched = [...table.values()].filter(({lease}) => isHeld(lease));
  return Math.min(...watched.map(({refusal}) => (refusal?.baseline?.receivedMs ?? Infinity) + missedMs));
}

export type DeathTerms = {
  readonly by: string;
  readonly details: LeaseDetails;
  readonly missedMs: number;
  readonly expiredMs: number;
};

export type Death = {readonly lease: Lease; readonly proof: LeaseProof | undefined};

/**
 * Whom this look allows to declare dead: expired by the database's clock, and not renewed while this node could see it
 * (`expiredMs`); or provably gone, since its port refuses and it has missed a renewal (`missedMs` between two looks), or since
 * this process holds the lock of its data directory.
 */
export function deathsIn(
  table: Table,
  look: Look,
  {by, details, missedMs, expiredMs}: DeathTerms,
): readonly Death[] {
  const deaths: Death[] = [];
  for (const {name} of look.leases) {
    const peer = table.get(name);
    if (peer === undefined || !isHeld(peer.lease) || peer.missingSinceMs !== undefined) continue;
    const {lease, refusal} = peer;
    const baseline = refusal?.baseline;
    if (hasOurDirectory(lease.details, details)) {
      deaths.push({lease, proof: {by, how: `the lock of its data directory is held by ${by}`}});
    } else if (baseline !== undefined && look.sentMs - baseline.receivedMs >= missedMs) {
      deaths.push({lease, proof: {by, how: `its port refuses, and it has not renewed for ${missedMs} ms`}});
    } else if (lease.isExpired && look.sentMs - (peer.unchangedSinceMs ?? look.sentMs) >= expiredMs) {
      deaths.push({lease, proof: undefined});
    }
  }
  return deaths;
}

const hasOurDirectory = (theirs: LeaseDetails, ours: LeaseDetails): boolean =>
  typeof ours['dataDirectory'] === 'string' &&
  theirs['dataDirectory'] === ours['dataDirectory'] &&
  isSamePlace(theirs, ours);
