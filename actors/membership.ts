/**
 * A node's membership of its cluster: performs what `membership-machine.ts` decides, on the lease table and a clock. The
 * same for a node that stands alone: then nobody else is in the table.
 *
 * `mayAct` is asked before every write that only the owner may make, and again after every wait: it compares the monotonic
 * clock at the time of the call, so it also holds right after the process was paused.
 */
import {isHeld, type LeaseDetails} from './domain/lease.ts';
import type {Owner} from './domain/owner.ts';
import type {Random} from './runtime/random.ts';
import type {NodeLog} from './governance-node.ts';
import {firstTable, takeNodeLease, type Joining} from './membership-join.ts';
import {decide, joined, mayAct, nextDueMs, type MembershipState} from './membership-machine.ts';
import {
  membershipTimes,
  type MembershipEffect,
  type MembershipMessage,
  type MembershipTimes,
} from './membership-protocol.ts';
import {
  memberOf,
  nodeLeasePrefix,
  type LinkEvent,
  type Member,
  type MembershipEvent,
} from './membership-member.ts';
import {peerMember} from './membership-table.ts';

export type Membership = {
  /** This incarnation always; another until the table says dead or gone. One that is not in the table is not. */
  readonly isAlive: (owner: Pick<Owner, 'instance' | 'incarnation'>) => boolean;
  /** Joining, up or leaving; this node first. */
  readonly members: () => readonly Member[];
  readonly mayAct: () => boolean;
  /** Returns what removes the listener. A listener that throws is logged. */
  readonly onChange: (listener: (event: MembershipEvent) => void) => () => void;
  readonly linkEvent: (event: LinkEvent) => void;
  /** A hint: something may have changed, the table is read within half a second. */
  readonly refresh: () => void;
  /**
   * Resolves after a look that was begun after this call. Who reads owners from rows first, then waits for this, then asks
   * `isAlive`, does not take one that joined meanwhile for dead. Never settles once the node is fenced or released.
   */
  readonly lookAgain: () => Promise<void>;
  /** Merged into the details of the lease, which are renewed at once; undefined removes one. */
  readonly updateDetails: (changes: LeaseDetails) => void;
  /** Written by a renewal that is sent at once. */
  readonly setState: (state: 'up' | 'leaving') => void;
  /** From here on this node may not act. Resolves when the row says `gone`, or the database did not answer. */
  readonly release: () => Promise<void>;
};

export type MembershipDependencies = Joining & {
  readonly log: NodeLog;
  readonly random: Random;
  /** The row says dead, or belongs to another: this process must end. Called once. */
  readonly onFenced: (why: string) => void;
  readonly times?: MembershipTimes;
};

type Untimed<Message> = Message extends MembershipMessage ? Omit<Message, 'nowMs' | 'dice'> : never;

/**
 * Takes the lease of `self.instance`, state `joining`. Rejects with `InstanceTakenError` when another process renews it,
 * with `DatabaseAwayError` when the database is away.
 */
export async function startMembership(dependencies: MembershipDependencies): Promise<Membership> {
  const {leases, clock, random, log, self, onFenced, times = membershipTimes} = dependencies;
  const {lease, sentMs} = await takeNodeLease(dependencies);
  const table = await firstTable(dependencies);

  let state: MembershipState = joined({...lease, details: dependencies.details}, table, sentMs, times);
  let cancelTimer = (): void => undefined;
  const listeners = new Set<(event: MembershipEvent) => void>();
  let looksBegun = 0;
  const waiting: {readonly afterLook: number; readonly resolve: () => void}[] = [];

  function tell(message: Untimed<MembershipMessage>): void {
    const decision = decide(state, {...message, nowMs: clock.monotonicMs(), dice: random.next()});
    state = decision.state;
    for (const effect of decision.effects) perform(effect);
    cancelTimer();
    const dueMs = nextDueMs(state);
    if (dueMs === Infinity) return;
    // Whole milliseconds: the rest of a fraction would find nothing due, again and again.
    const delayMs = Math.max(0, Math.ceil(dueMs - clock.monotonicMs()));
    cancelTimer = clock.after(delayMs, () => tell({type: 'tick'}));
  }

  function perform(effect: MembershipEffect): void {
    switch (effect.type) {
      case 'renew':
        return void renew(effect);
      case 'look':
        return void look();
      case 'declareDead':
        return void declareDead(effect);
      case 'notify':
        return notify(effect.event);
      case 'fenced':
        log.error({instance: self.instance, incarnation: self.incarnation}, effect.why);
        return onFenced(effect.why);
    }
  }

  async function renew({lease: wanted}: MembershipEffect & {type: 'renew'}): Promise<void> {
    const renewalSentMs = clock.monotonicMs();
    const outcome = await leases.renew(wanted).then(
      isOurs => (isOurs ? 'ours' : 'notOurs'),
      () => 'unknown' as const,
    );
    tell({type: 'renewed', sentMs: renewalSentMs, outcome});
  }

  async function look(): Promise<void> {
    const lookSentMs = clock.monotonicMs();
    looksBegun += 1;
    const thisLook = looksBegun;
    const found = await leases.list(nodeLeasePrefix).catch(() => undefined);
    if (found === undefined) return tell({type: 'lookFailed'});
    tell({type: 'looked', sentMs: lookSentMs, leases: found});
    // A frozen node does not take in what it sees.
    if (!isActing()) return;
    while ((waiting[0]?.afterLook ?? Infinity) < thisLook) waiting.shift()?.resolve();
  }

  async function declareDead({
    lease: theirs,
    proof,
  }: MembershipEffect & {type: 'declareDead'}): Promise<void> {
    // An unknown outcome shows at the next look.
    const isDeclared = await leases.declareDead(theirs, proof).catch(() => false);
    if (isDeclared) {
      const {name, incarnation, fence} = theirs;
      log.warn({lease: name, incarnation, fence: fence + 1, proof}, 'declared dead');
    }
    tell({type: 'lookNow'});
  }

  function notify(event: MembershipEvent): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        log.error({event: event.type, err: error}, 'a listener of the membership failed');
      }
    }
  }

  const isActing = (): boolean => mayAct(state, clock.monotonicMs());

  tell({type: 'tick'});
  return {
    isAlive({instance, incarnation}) {
      if (incarnation === self.incarnation) return true;
      const peer = state.table.get(nodeLeasePrefix + instance);
      return peer !== undefined && peer.lease.incarnation === incarnation && isHeld(peer.lease);
    },
    members: () => [
      memberOf(state.lease, true, true),
      ...[...state.table.values()].filter(peer => isHeld(peer.lease)).map(peerMember),
    ],
    mayAct: isActing,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    linkEvent: event => tell({type: 'link', event}),
    refresh: () => tell({type: 'hint'}),
    lookAgain() {
      const {promise, resolve} = Promise.withResolvers<void>();
      waiting.push({afterLook: looksBegun, resolve});
      tell({type: 'lookNow'});
      return promise;
    },
    updateDetails: changes => tell({type: 'setDetails', details: {...state.lease.details, ...changes}}),
    setState: next => tell({type: 'setState', state: next}),
    async release() {
      if (state.phase === 'released' || state.phase === 'fenced') return;
      const {lease: held} = state;
      tell({type: 'release'});
      await leases.renew(held, {state: 'gone'}).catch(() => false);
    },
  };
}
