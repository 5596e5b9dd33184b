/** Where a row keeps how often and when its job is tried again: startup parameters, under Linkis' names. */
import {countParam, sectionOf, type Params} from './job-params.ts';

export const retryKeys = {
  count: 'linkis.task.retry.num',
  delayMs: 'wds.linkis.orchestrator.task.retry.wait.time',
} as const;

export const retryCountMax = 100;
export const retryDelayMsMax = 86_400_000;

/** Rows without them, which Linkis wrote, are tried once. */
export function readRetry(params: Params): {readonly attemptsMax: number; readonly retryDelayMs: number} {
  const startup = sectionOf(params, 'startup');
  return {
    attemptsMax: (countParam(startup, retryKeys.count, retryCountMax) ?? 0) + 1,
    retryDelayMs: countParam(startup, retryKeys.delayMs, retryDelayMsMax) ?? 0,
  };
}
