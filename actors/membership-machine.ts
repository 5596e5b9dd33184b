/**
 * A node's membership of its cluster, decided purely: when to renew its lease and to read the table, when it may not act any
 * more, and whom it declares dead.
 *
 *   active ──8 s after the sending of the last renewal that succeeded──▶ frozen ──a renewal succeeds──▶ active
 *      └──────────────── the row says dead, or belongs to another ──────────┴──▶ fenced (for ever)
 *
 * A lease ends 10 s after a renewal was written, which is later than it was sent; so whoever has not heard in time is frozen
 * before anybody may take over. Every message carries its own time and a dice throw for jitter.
 */
import {isHeld, type Lease} from './domain/lease.ts';
import type {Decision} from './runtime/machine.ts';
import {nodeLeasePrefix, type LinkEvent} from './membership-member.ts';
import {
  membershipTimes,
  type MembershipEffect,
  type MembershipMessage,
  type MembershipTimes,
} from './membership-protocol.ts';
import {
  afterFailedLook,
  deathsIn,
  isReachable,
  isUnsettled,
  lookAt,
  nextProofMs,
  noteLink,
  peerMember,
  type Look,
  type Table,
} from './membership-table.ts';

/** Something that is done again and again, once at a time. A hint that comes meanwhile is in `dueMs`. */
type Errand = {readonly dueMs: number; readonly isUnderWay: boolean};

export type MembershipState = {
  readonly times: MembershipTimes;
  /** As it should stand in the row. */
  readonly lease: Lease;
  readonly phase: 'active' | 'frozen' | 'fenced' | 'released';
  /** When the last renewal that succeeded was sent. */
  readonly provenMs: number;
  readonly renewal: Errand;
  readonly look: Errand;
  readonly table: Table;
};

type Deciding = Decision<MembershipState, MembershipEffect>;

/** `provenMs`: when the statement that took the lease was sent. */
export const joined = (
  lease: Lease,
  table: Table,
  provenMs: number,
  times: MembershipTimes = membershipTimes,
): MembershipState => ({
  times,
  lease,
  phase: 'active',
  provenMs,
  renewal: {dueMs: provenMs + times.renewMs, isUnderWay: false},
  look: {dueMs: provenMs + times.unsettledLookMs, isUnderWay: false},
  table,
});

/** Whether this node is sure to hold its lease, at that time. To be asked again after every wait. */
export const mayAct = ({phase, provenMs, times}: MembershipState, nowMs: number): boolean =>
  (phase === 'active' || phase === 'frozen') && nowMs - provenMs < times.freezeMs;

/** When the next `tick` is of use. */
export function nextDueMs({phase, provenMs, times, renewal, look}: MembershipState): number {
  if (phase === 'fenced' || phase === 'released') return Infinity;
  return Math.min(
    renewal.isUnderWay ? Infinity : renewal.dueMs,
    look.isUnderWay ? Infinity : look.dueMs,
    phase === 'active' ? provenMs + times.freezeMs : Infinity,
  );
}

export function decide(state: MembershipState, message: MembershipMessage): Deciding {
  if (state.phase === 'fenced' || state.phase === 'released') return {state, effects: []};
  const taken = take(state, message);
  const moved = move(taken.state, message);
  return {state: moved.state, effects: [...taken.effects, ...moved.effects]};
}

function take(state: MembershipState, message: MembershipMessage): Deciding {
  const {times, lease} = state;
  const {nowMs, dice} = message;
  switch (message.type) {
    case 'tick':
      return quietly(state);
    case 'renewed':
      return renewed(state, message);
    case 'looked':
      return looked(state, {...message, receivedMs: nowMs});
    case 'lookFailed':
      return quietly({
        ...state,
        table: afterFailedLook(state.table),
        look: ended(state.look, nowMs + jittered(times.retryMs, times, dice)),
      });
    case 'lookNow':
      return quietly({...state, look: sooner(state.look, nowMs)});
    case 'link':
      return linked(state, message.event, message);
    case 'hint':
      return quietly({...state, look: sooner(state.look, nowMs + dice * times.hintMs)});
    case 'setState':
      return quietly({
        ...state,
        lease: {...lease, state: message.state},
        renewal: sooner(state.renewal, nowMs),
      });
    case 'setDetails':
      return quietly({
        ...state,
        lease: {...lease, details: message.details},
        renewal: sooner(state.renewal, nowMs),
      });
    case 'release':
      return quietly({...state, phase: 'released'});
  }
}

/** What time alone brings: freezing, and whatever is due. */
function move(state: MembershipState, {nowMs, dice}: MembershipMessage): Deciding {
  if (state.phase === 'fenced' || state.phase === 'released') return quietly(state);
  const {times} = state;
  let next = state;
  const effects: MembershipEffect[] = [];
  if (next.phase === 'active' && !mayAct(next, nowMs)) {
    next = {...next, phase: 'frozen'};
    effects.push({type: 'notify', event: {type: 'frozen'}});
  }
  if (isDue(next.renewal, nowMs)) {
    const dueMs = nowMs + jittered(times.renewMs, times, dice);
    next = {...next, renewal: {dueMs, isUnderWay: true}};
    effects.push({type: 'renew', lease: next.lease});
  }
  if (isDue(next.look, nowMs)) {
    next = {...next, look: {dueMs: Infinity, isUnderWay: true}};
    effects.push({type: 'look'});
  }
  return {state: next, effects};
}

function renewed(state: MembershipState, message: MembershipMessage & {type: 'renewed'}): Deciding {
  const {times, lease} = state;
  const {nowMs, sentMs, outcome, dice} = message;
  switch (outcome) {
    case 'notOurs':
      return fenced(state, `the row of ${lease.name} is not ours any more: a renewal matched nothing`);
    case 'unknown':
      return quietly({...state, renewal: ended(state.renewal, nowMs + jittered(times.retryMs, times, dice))});
    case 'ours': {
      const proven: MembershipState = {
        ...state,
        provenMs: Math.max(state.provenMs, sentMs),
        renewal: ended(state.renewal, Infinity),
      };
      if (state.phase !== 'frozen' || !mayAct(proven, nowMs)) return quietly(proven);
      return {
        // What happened meanwhile was not looked at; and what kept this node from renewing may have kept the others too.
        state: {
          ...proven,
          phase: 'active',
          table: afterFailedLook(proven.table),
          look: sooner(proven.look, nowMs),
        },
        effects: [{type: 'notify', event: {type: 'thawed'}}],
      };
    }
  }
}

function looked(state: MembershipState, {leases, sentMs, receivedMs, dice}: Look & {dice: number}): Deciding {
  const {times, lease} = state;
  const own = leases.find(({name}) => name === lease.name);
  if (own !== undefined && isAnothers(own, lease)) {
    return fenced(
      state,
      `the row of ${lease.name} says ${own.state}, fence ${own.fence}, ${own.incarnation}`,
    );
  }
  const nextLookMs = (lookMs: number): number => sentMs + jittered(lookMs, times, dice);
  // Deaths that were told to a frozen node would be lost on it: they wait until it has thawed.
  if (!mayAct(state, receivedMs)) {
    return quietly({...state, look: ended(state.look, nextLookMs(times.unsettledLookMs))});
  }
  const look: Look = {leases: leases.filter(({name}) => name !== lease.name), sentMs, receivedMs};
  const {table, events} = lookAt(state.table, look);
  const {missedMs, expiredMs} = times;
  const by = `${lease.name.slice(nodeLeasePrefix.length)}#${lease.incarnation}`;
  const deaths = deathsIn(table, look, {by, details: lease.details, missedMs, expiredMs});
  const lookMs = isUnsettled(table, look, missedMs) ? times.unsettledLookMs : times.lookMs;
  const proofMs = nextProofMs(table, missedMs);
  const nextMs = Math.min(nextLookMs(lookMs), proofMs > receivedMs ? proofMs : Infinity);
  return {
    state: {...state, table, look: ended(state.look, nextMs)},
    effects: [
      ...events.map(event => ({type: 'notify', event}) as const),
      ...deaths.map(death => ({type: 'declareDead', ...death}) as const),
    ],
  };
}

/** Rows with a lower fence are what a database shows that lost its last seconds; the next renewal tells. */
const isAnothers = (row: Lease, own: Lease): boolean =>
  row.fence > own.fence || (row.fence === own.fence && (row.incarnation !== own.incarnation || !isHeld(row)));

function linked(state: MembershipState, event: LinkEvent, {nowMs, dice}: MembershipMessage): Deciding {
  const name = nodeLeasePrefix + event.instance;
  const before = state.table.get(name);
  const table = noteLink(state.table, event, name, nowMs);
  const look = sooner(state.look, nowMs + dice * state.times.hintMs);
  if (before === undefined || table === undefined) {
    return quietly(event.type === 'up' ? {...state, look} : state);
  }
  const after = table.get(name) ?? before;
  const isNews = before.link !== after.link;
  const isTold = isHeld(after.lease) && isReachable(before) !== isReachable(after);
  return {
    state: {...state, table, look: isNews && event.type !== 'up' ? look : state.look},
    effects: isTold ? [{type: 'notify', event: {type: 'changed', member: peerMember(after)}}] : [],
  };
}

const fenced = (state: MembershipState, why: string): Deciding => ({
  state: {...state, phase: 'fenced'},
  effects: [{type: 'fenced', why}],
});

const quietly = (state: MembershipState): Deciding => ({state, effects: []});

const isDue = ({dueMs, isUnderWay}: Errand, nowMs: number): boolean => !isUnderWay && nowMs >= dueMs;
const sooner = ({dueMs, isUnderWay}: Errand, atMs: number): Errand => ({
  dueMs: Math.min(dueMs, atMs),
  isUnderWay,
});
const ended = (errand: Errand, nextMs: number): Errand => ({...sooner(errand, nextMs), isUnderWay: false});

const jittered = (ms: number, {jitter}: MembershipTimes, dice: number): number =>
  ms * (1 - jitter + 2 * jitter * dice);
