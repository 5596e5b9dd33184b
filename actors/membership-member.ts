/** What a node knows of the nodes of its cluster, as others in this process see it. */
import type {Lease, LeaseState} from './domain/lease.ts';

/** One life of a process: after a restart the same address is another member. */
export type Member = {
  /** `host:port`. */
  readonly instance: string;
  readonly incarnation: string;
  readonly state: LeaseState;
  readonly roles: readonly string[];
  /** As it stands in its lease: labels, addresses, boot id … */
  readonly details: Lease['details'];
  /** What this node's own link to it says; true while there is no link. It decides routes, never ownership. */
  readonly isReachable: boolean;
  readonly isSelf: boolean;
};

/** What a link has seen of one incarnation. `refused`: its address answered a redial with *connection refused*. */
export type LinkEvent = {
  readonly type: 'up' | 'suspect' | 'down' | 'refused';
  readonly instance: string;
  readonly incarnation: string;
};

/**
 * `dead` comes once for each incarnation, also for one that was never seen alive, and only while this node may act. `changed`:
 * other details, or reachable where it was not.
 */
export type MembershipEvent =
  | {readonly type: 'frozen'}
  | {readonly type: 'thawed'}
  | {
      readonly type: 'joining' | 'up' | 'leaving' | 'gone' | 'dead' | 'changed';
      readonly member: Member;
    };

export const nodeLeasePrefix = 'node:';

export function memberOf(lease: Lease, isReachable: boolean, isSelf: boolean): Member {
  const {name, incarnation, state, details} = lease;
  const {roles} = details;
  return {
    instance: name.slice(nodeLeasePrefix.length),
    incarnation,
    state,
    roles: Array.isArray(roles) ? roles.filter(role => typeof role === 'string') : [],
    details,
    isReachable,
    isSelf,
  };
}
