/**
 * Who may be chosen for which route: members and their labels, sorted into groups by the route they carry. Immutable and
 * pure; made anew at each change, so that resolving (`router.ts`) is a look-up and a throw of dice.
 */
import {entranceService} from './domain/exec-id.ts';
import type {Labels} from './domain/label.ts';
import type {Lease} from './domain/lease.ts';
import {labelKeys, offlineRoute, servicesOf} from './instance-label.ts';
import {hashOf, sharesOf, type Candidate} from './route-choice.ts';
import {routeOf} from './route.ts';

/** What membership says of a node; its `Member` is one. */
export type MemberView = {
  /** `host:port`. */
  readonly instance: string;
  /** One life of its process: labels read before it began are not believed. */
  readonly incarnation: string;
  /** `entrance`, `gateway`, … */
  readonly roles: readonly string[];
  /** New jobs go to `up` only. */
  readonly state: Lease['state'];
  readonly isReachable: boolean;
};

export type RouteMember = MemberView & {
  /** Undefined: not read since this life of the node began, or the node has no row yet. */
  readonly labels: Labels | undefined;
};

export type Rejection = {readonly instance: string; readonly reason: string};

type Sticky = 'tenant' | 'user' | undefined;

/** Those who may take what asks for one route. */
export type RouteGroup = {
  readonly candidates: readonly Candidate[];
  readonly instances: readonly string[];
  readonly isWeighted: boolean;
  readonly sticky: Sticky;
  readonly preferred: Candidate | undefined;
  readonly rejected: () => readonly Rejection[];
};

export type RouteSnapshot = {
  readonly members: readonly RouteMember[];
  /** False until labels have been read once: until then nobody knows who is reserved. */
  readonly isReady: boolean;
  /** By route; `''` for those without one. Routes that no candidate carries are not in it. */
  readonly groups: ReadonlyMap<string, RouteGroup>;
};

export type SnapshotOptions = {
  /** Takes unlabelled requests whenever it may, which saves a hop, and gives up the even spread. Default: nobody. */
  readonly preferredInstance?: string | undefined;
};

export const emptySnapshot: RouteSnapshot = {members: [], isReady: false, groups: new Map()};

/** O(members). `members` in any order: equal clusters give equal choices for a tenant on every node. */
export function createSnapshot(
  members: readonly RouteMember[],
  {preferredInstance}: SnapshotOptions = {},
): RouteSnapshot {
  const sorted = members.toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
  const byRoute = Map.groupBy(
    sorted.filter(member => whyUnfit(member) === undefined),
    routeOfMember,
  );
  const groups = [...byRoute].map(([route, fit]) => {
    const preferred = route === '' ? preferredInstance : undefined;
    return [route, groupOf(route, fit, sorted, preferred)] as const;
  });
  return {members: sorted, isReady: true, groups: new Map(groups)};
}

function groupOf(
  route: string,
  fit: readonly RouteMember[],
  all: readonly RouteMember[],
  preferredInstance: string | undefined,
): RouteGroup {
  const weights = fit.map(weightOf);
  const shares = sharesOf(weights);
  const candidates = fit.map(({instance}, index) => ({
    instance,
    share: shares[index] ?? 0,
    hash: hashOf(instance),
  }));
  const isWeighted = weights.some(weight => weight !== undefined);
  let rejected: readonly Rejection[] | undefined;
  return {
    candidates,
    instances: candidates.map(({instance}) => instance),
    isWeighted,
    sticky: stickyOf(fit),
    preferred: isWeighted ? undefined : candidates.find(({instance}) => instance === preferredInstance),
    // Made when first wanted, once: listing a hundred others costs more than choosing one.
    rejected: () => (rejected ??= rejectionsOf(all, route)),
  };
}

const routeOfMember = ({labels}: RouteMember): string => routeOf(labels?.[labelKeys.route]) ?? '';

/** Undefined without a weight, and for one that is none: what somebody wrote by hand must not take an instance out. */
function weightOf({labels}: RouteMember): number | undefined {
  const text = labels?.[labelKeys.weight];
  return text !== undefined && /^(?:100|\d{1,2})$/.test(text) ? Number(text) : undefined;
}

/** One instance that says so is enough, since a tenant that is sticky on some of them would be on none. */
function stickyOf(members: readonly RouteMember[]): Sticky {
  const said = new Set(members.map(({labels}) => labels?.[labelKeys.sticky]));
  return said.has('tenant') ? 'tenant' : said.has('user') ? 'user' : undefined;
}

/** Why a member takes no new jobs, whatever their route. */
function whyUnfit(member: RouteMember): string | undefined {
  const {roles, state, isReachable, labels} = member;
  if (!servicesOf(roles).includes(entranceService)) return 'it has no entrance';
  if (state !== 'up') return `it is ${state}`;
  if (!isReachable) return 'it can not be reached';
  if (labels === undefined) return 'its labels are not known yet';
  if (labels[labelKeys.offline] === 'true' || labels[labelKeys.route] === offlineRoute) {
    return 'it is marked offline';
  }
  return weightOf(member) === 0 ? 'its weight is 0' : undefined;
}

/** Everybody who is not chosen from for `route` (`''`: none), and why. */
export function rejectionsOf(members: readonly RouteMember[], route: string): Rejection[] {
  return members.flatMap(member => {
    const own = routeOfMember(member);
    const reason = whyUnfit(member) ?? (own === route ? undefined : whyAnother(own));
    return reason === undefined ? [] : [{instance: member.instance, reason}];
  });
}

const whyAnother = (own: string): string =>
  own === '' ? 'it carries no route label' : `it is reserved for route=${own}`;
