/**
 * Route label → instance: pure functions over a snapshot of members and their labels. `resolve` chooses, `explain` says what
 * it would choose from. Callers resolve in their own process; `router-actor.ts` keeps the snapshot new.
 *
 * The rules are the seed's: several instances with the label asked for, one at random; none, the call fails (11011); no
 * label, only instances without a route label. Weights, sticky tenants and a preferred instance narrow chance, never
 * that. There is no fallback from a label to instances without it, nor the other way round.
 */
import type {entranceService} from './domain/exec-id.ts';
import {LinkisError} from './domain/errors.ts';
import {pickByKey, pickByShare, pickEqually, type Candidate} from './route-choice.ts';
import {rejectionsOf, type Rejection, type RouteGroup, type RouteSnapshot} from './route-snapshot.ts';
import {NoUnlabelledInstanceError, RouteNotFoundError, routeOf} from './route.ts';
import type {Random} from './runtime/random.ts';

export type RouteRequest = {
  readonly routeLabel?: string | undefined;
  readonly service: typeof entranceService;
  readonly tenant?: string | undefined;
  readonly user?: string | undefined;
};

/**
 * `only`: there is no other. `random`: all alike. `weighted`: by share. `sticky`: by tenant or user. `local`: the
 * gateway's own entrance, where that is preferred.
 */
export type RouteRule = 'only' | 'random' | 'weighted' | 'sticky' | 'local';

/** Plain data: it may be sent, and kept with the job. */
export type RouteReason = {
  readonly candidates: readonly string[];
  readonly rejected: readonly Rejection[];
  readonly rule: RouteRule;
};

export type Resolution = {readonly instance: string; readonly why: RouteReason};

export type RoutePreview = {
  /** What was asked for; null: without a label. */
  readonly routeLabel: string | null;
  /** Set when chance has no part in it. */
  readonly instance: string | null;
  /** Null when there is no candidate. */
  readonly rule: RouteRule | null;
  readonly candidates: readonly {readonly instance: string; readonly share: number}[];
  readonly rejected: readonly Rejection[];
  /** What `resolve` would throw. */
  readonly failure: {readonly code: number; readonly message: string} | null;
};

/** The labels of instances have never been read, so that nobody knows which are reserved. */
export class RouterNotReadyError extends LinkisError {
  override readonly name = 'RouterNotReadyError';
  readonly code = 20935;
  override readonly retryable = true;

  constructor() {
    super(
      'The labels of the instances have not been read yet, so no instance can be chosen. Try again in a moment.',
    );
  }
}

/**
 * One instance for the request. Throws `RouteNotFoundError` or `NoUnlabelledInstanceError` (11011), or
 * `RouterNotReadyError`.
 */
export function resolve(snapshot: RouteSnapshot, request: RouteRequest, random: Random): Resolution {
  const group = candidatesFor(snapshot, request);
  if (group === undefined) throw failureOf(snapshot, request);
  const rule = ruleOf(group, request);
  const chosen = surelyChosen(group, rule, request) ?? byChance(group, rule, random);
  if (chosen === undefined) throw failureOf(snapshot, request);
  return {
    instance: chosen.instance,
    why: {candidates: group.instances, rejected: group.rejected(), rule},
  };
}

/** The same without choosing; never throws. */
export function explain(snapshot: RouteSnapshot, request: RouteRequest): RoutePreview {
  const route = routeOf(request.routeLabel);
  const group = candidatesFor(snapshot, request);
  if (group === undefined) {
    const {code, message} = failureOf(snapshot, request);
    const rejected = rejectionsOf(snapshot.members, route ?? '');
    const failure = {code, message};
    return {routeLabel: route ?? null, instance: null, rule: null, candidates: [], rejected, failure};
  }
  const rule = ruleOf(group, request);
  return {
    routeLabel: route ?? null,
    instance: surelyChosen(group, rule, request)?.instance ?? null,
    rule,
    candidates: group.candidates.map(({instance, share}) => ({instance, share})),
    rejected: group.rejected(),
    failure: null,
  };
}

/** For a log line, or the job's record: `a:9001, random of 2 with route=et1`. */
export function printResolution({instance, why}: Resolution, routeLabel: string | undefined): string {
  const route = routeOf(routeLabel);
  const asked = route === undefined ? 'without a route label' : `with route=${route}`;
  return `${instance}, ${why.rule} of ${why.candidates.length} ${asked}`;
}

const candidatesFor = (snapshot: RouteSnapshot, {routeLabel}: RouteRequest): RouteGroup | undefined =>
  snapshot.groups.get(routeOf(routeLabel) ?? '');

function failureOf({isReady}: RouteSnapshot, {routeLabel}: RouteRequest): LinkisError {
  if (!isReady) return new RouterNotReadyError();
  const route = routeOf(routeLabel);
  return route === undefined ? new NoUnlabelledInstanceError() : new RouteNotFoundError(route);
}

function ruleOf(group: RouteGroup, request: RouteRequest): RouteRule {
  if (group.candidates.length === 1) return 'only';
  if (stickyKey(group, request) !== undefined) return 'sticky';
  if (group.preferred !== undefined) return 'local';
  return group.isWeighted ? 'weighted' : 'random';
}

/** A tenant or user who is not known has nothing to stick to. */
function stickyKey({sticky}: RouteGroup, request: RouteRequest): string | undefined {
  const key = sticky === undefined ? undefined : request[sticky];
  return key === '' ? undefined : key;
}

function surelyChosen(group: RouteGroup, rule: RouteRule, request: RouteRequest): Candidate | undefined {
  if (rule === 'only') return group.candidates[0];
  if (rule === 'local') return group.preferred;
  return rule === 'sticky' ? pickByKey(group.candidates, stickyKey(group, request) ?? '') : undefined;
}

const byChance = ({candidates}: RouteGroup, rule: RouteRule, random: Random): Candidate | undefined =>
  rule === 'weighted' ? pickByShare(candidates, random.next()) : pickEqually(candidates, random.next());
