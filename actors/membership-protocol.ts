/** What the membership machine is told and what it asks for, and its times. */
import type {Lease, LeaseDetails, LeaseProof} from './domain/lease.ts';
import type {LinkEvent, MembershipEvent} from './membership-member.ts';

export type MembershipTimes = {
  readonly renewMs: number;
  /** After a renewal or a look that failed. */
  readonly retryMs: number;
  readonly freezeMs: number;
  /** A renewal counts as missed when none is seen for so long: more than one interval with its jitter. */
  readonly missedMs: number;
  /** How long an expired lease must have been seen unrenewed: a database that was away gives everybody time to renew. */
  readonly expiredMs: number;
  readonly lookMs: number;
  readonly unsettledLookMs: number;
  /** Hints reach all nodes at once; their looks are spread over this. */
  readonly hintMs: number;
  /** Part of a period by which it is longer or shorter. */
  readonly jitter: number;
};

export const membershipTimes: MembershipTimes = {
  renewMs: 2000,
  retryMs: 1000,
  freezeMs: 8000,
  missedMs: 2500,
  expiredMs: 5000,
  lookMs: 5000,
  unsettledLookMs: 1000,
  hintMs: 500,
  jitter: 0.1,
};

export type MembershipMessage = {readonly nowMs: number; /** In [0, 1). */ readonly dice: number} & (
  | {readonly type: 'tick'}
  /** `unknown`: nobody knows whether it was written. */
  | {readonly type: 'renewed'; readonly sentMs: number; readonly outcome: 'ours' | 'notOurs' | 'unknown'}
  | {readonly type: 'looked'; readonly sentMs: number; readonly leases: readonly Lease[]}
  | {readonly type: 'lookFailed'}
  | {readonly type: 'link'; readonly event: LinkEvent}
  /** Something may have changed in the table. */
  | {readonly type: 'hint'}
  | {readonly type: 'lookNow'}
  | {readonly type: 'setState'; readonly state: 'up' | 'leaving'}
  | {readonly type: 'setDetails'; readonly details: LeaseDetails}
  | {readonly type: 'release'}
);

export type MembershipEffect =
  | {readonly type: 'renew'; readonly lease: Lease}
  | {readonly type: 'look'}
  | {readonly type: 'declareDead'; readonly lease: Lease; readonly proof: LeaseProof | undefined}
  | {readonly type: 'notify'; readonly event: MembershipEvent}
  | {readonly type: 'fenced'; readonly why: string};
