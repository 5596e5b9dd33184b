/**
 * Brings a submission to the instance that its route label leads to. An answer that got lost must not make two jobs of
 * one, so whatever goes to another node carries an idempotency key, one of ours if the client gave none: a second try
 * finds what the first one left.
 */
import {LinkisError} from './domain/errors.ts';
import {isRecord} from './domain/job-params.ts';
import {readLabels} from './domain/label.ts';
import type {Owner} from './domain/owner.ts';
import type {Caller, Governance} from './governance.ts';
import type {JobOwners} from './job-owners.ts';
import {RemoteCallError, type Asker} from './remote-call.ts';
import {remoteEntrance} from './remote-entrance.ts';
import type {FindByKey} from './remote-key.ts';
import {NoUnlabelledInstanceError, RouteNotFoundError, routeOf} from './route.ts';
import {isSubmissionUnknown, ownKeyPrefix, SubmissionUnknownError} from './submission-unknown.ts';

export type Resolution = {
  /** `host:port` */
  readonly instance: string;
  /** This one, and why it, for people. */
  readonly why: string;
};

/**
 * Chooses the instance for a route label (undefined: none was asked for). `tried` could not be reached just now: another
 * candidate goes before them, and they before none. Throws `RouteNotFoundError`, `NoUnlabelledInstanceError`.
 */
export type Resolve = (
  routeLabel: string | undefined,
  caller: Caller,
  tried: readonly string[],
) => Resolution;

/** No instance could be asked. Nothing was accepted. */
export class EntranceUnreachableError extends LinkisError {
  override readonly name = 'EntranceUnreachableError';
  readonly code = 20966;
  override readonly retryable = true;

  constructor(instances: readonly string[]) {
    super(
      `Nothing was accepted: ${instances.join(' and ')} can't be reached from this node.` +
        ' Submit again in a moment; tenon nodes tells which instances are there.',
    );
  }
}

export type SubmitDependencies = {
  readonly resolve: Resolve;
  readonly self: Omit<Owner, 'epoch'>;
  readonly local: Governance | undefined;
  readonly owners: JobOwners;
  readonly findByKey: FindByKey;
  readonly system: Asker;
  readonly makeId: () => string;
  readonly log: {readonly warn: (fields: object, text: string) => void};
};

export function createRemoteSubmit(dependencies: SubmitDependencies): Governance['submit'] {
  const {resolve, self, local, owners, findByKey, system, makeId, log} = dependencies;

  return async (body, caller, options) => {
    const routeLabel = routeLabelOf(body);
    const idempotencyKey = options.idempotencyKey ?? `${ownKeyPrefix}${makeId()}`;
    const tried: string[] = [];
    /** Given the submission, and not heard of since. */
    let silent: string | undefined;
    let refusal: unknown;
    let wasLookedFor = false;
    while (tried.length < triesMax) {
      let instance: string;
      let why: string;
      try {
        ({instance, why} = resolve(routeLabel, caller, tried));
      } catch (error) {
        if (silent === undefined) throw error;
        break;
      }
      tried.push(instance);
      const isKeyed =
        options.idempotencyKey !== undefined || silent !== undefined || instance !== self.instance;
      try {
        // One after the other: the next is asked because this one failed.
        // oxlint-disable no-await-in-loop
        if (local !== undefined && instance === self.instance) {
          // As long as no other node may have it, the client's own options do.
          const accepted = await local.submit(
            body,
            caller,
            silent === undefined ? {...options, routedBy: why} : {idempotencyKey, routedBy: why},
          );
          owners.remember(accepted.taskID, {...self, epoch: 1});
          return accepted;
        }
        const entrance = owners.entranceOf(instance);
        if (entrance === undefined) continue;
        return await remoteEntrance(system, instance, entrance).submit(body, caller, {
          idempotencyKey,
          isFreshKey: options.idempotencyKey === undefined && silent === undefined,
          routedBy: why,
        });
        // oxlint-enable no-await-in-loop
      } catch (error) {
        const isSilent = error instanceof RemoteCallError && error.wasSent;
        if (isKeyed && !wasLookedFor && isSubmissionUnknown(error)) {
          wasLookedFor = true;
          // oxlint-disable-next-line no-await-in-loop
          const fate = await findByKey(body, caller, idempotencyKey);
          if (fate === 'unknown') throw error;
          if (fate !== 'none') return fate.accepted;
          // The key keeps what may still come of the first try from being a second job.
          silent = instance;
          continue;
        }
        if (!(error instanceof RemoteCallError) && !isElsewhere(error)) {
          // Who refuses it does not know what the silent one has made of it.
          if (silent !== undefined) break;
          throw error;
        }
        log.warn({instance, why, error: error.message}, 'a submission could not be handed over');
        if (isSilent) silent = instance;
        if (!(error instanceof RemoteCallError)) refusal = named(error, routeLabel);
      }
    }
    if (silent !== undefined) {
      const fate = wasLookedFor ? 'unknown' : await findByKey(body, caller, idempotencyKey);
      if (typeof fate === 'object') return fate.accepted;
      throw new SubmissionUnknownError(silent, options.idempotencyKey);
    }
    throw refusal ?? new EntranceUnreachableError([...new Set(tried)]);
  };
}

/** A first one, one after a lost answer, and one that a node in the middle of a change of labels or a restart may cost. */
const triesMax = 3;
const drainingCode = 20_053;
const noRouteCode = 11_011;

/** The instance accepted nothing, and another one may: it is leaving, or its label has changed since it was chosen. */
const isElsewhere = (error: unknown): error is LinkisError =>
  error instanceof LinkisError && (error.code === drainingCode || error.code === noRouteCode);

/** The facade tells these two apart by their class. */
function named(error: LinkisError, routeLabel: string | undefined): LinkisError {
  if (error.code !== noRouteCode) return error;
  return routeLabel === undefined ? new NoUnlabelledInstanceError() : new RouteNotFoundError(routeLabel);
}

/** The route that a submission of either form asks for, as text. Throws `InvalidLabelError`. */
export function routeLabelOf(body: unknown): string | undefined {
  const labels = isRecord(body) ? body['labels'] : undefined;
  if (!isRecord(labels)) return undefined;
  return routeOf(readLabels({route: labels['route']})['route']);
}
