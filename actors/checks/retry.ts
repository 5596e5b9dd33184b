/**
 * How often and when a job is tried again, written into its startup parameters under Linkis' names (`TaskRetryInterceptor`
 * puts its count there too), so that it holds after a restart with another configuration. The labels `jobRetryCount`
 * and `jobRetryTimeout` go before the configuration.
 */
import {LinkisError} from '../domain/errors.ts';
import {countParam, sectionOf, withSection} from '../domain/job-params.ts';
import {countLabel} from '../domain/label.ts';
import {retryCountMax, retryDelayMsMax, retryKeys} from '../domain/retry-params.ts';
import type {Check} from './job-draft.ts';

/** A job can't have an engine of its own and be spread over several. */
export class LabelConflictError extends LinkisError {
  override readonly name = 'LabelConflictError';
  readonly code = 20009;

  constructor() {
    super('Label params invalid executeOnce and loadBalance exclude each other. Leave out one of them.');
  }
}

/** Throws `InvalidLabelError`, `LabelConflictError`. */
export const setRetry: Check = (draft, {jobAttemptsMax, jobRetryDelayMs}) => {
  const {labels, params} = draft;
  if (labels['executeOnce'] !== undefined && labels['loadBalance'] !== undefined) {
    throw new LabelConflictError();
  }
  const startup = sectionOf(params, 'startup');
  const count =
    countLabel(labels, 'jobRetryCount', retryCountMax) ??
    countParam(startup, retryKeys.count, retryCountMax) ??
    jobAttemptsMax - 1;
  const delayMs =
    countLabel(labels, 'jobRetryTimeout', retryDelayMsMax) ??
    countParam(startup, retryKeys.delayMs, retryDelayMsMax) ??
    jobRetryDelayMs;
  const values = {[retryKeys.count]: count, [retryKeys.delayMs]: delayMs};
  return {...draft, params: withSection(params, 'startup', values)};
};
