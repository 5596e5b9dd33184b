/** Quotas where no configuration says otherwise: the same for everybody, from the node's own settings. */
import type {Quota, QuotaSource, Resources, TenantQuota} from './engine-governance.ts';
import type {GroupLimits} from './job-queue-state.ts';

export type EngineLimitSettings = {
  /** Engine processes of this node. */
  readonly enginesMax: number;
  readonly enginesPerUserMax: number;
  readonly idleMs: number;
};

export const unlimited: Resources = {
  memoryBytes: Number.MAX_SAFE_INTEGER,
  cores: Number.MAX_SAFE_INTEGER,
  instances: Number.MAX_SAFE_INTEGER,
};

/** What an engine reserves by default: 512 MB, one core. */
export const defaultEngine: Resources = {memoryBytes: 536_870_912, cores: 1, instances: 1};

export function fixedQuotas(groups: GroupLimits, engines: EngineLimitSettings): QuotaSource {
  const quota: Quota = {
    max: unlimited,
    engine: defaultEngine,
    runningMax: groups.runningMax,
    waitingMax: groups.waitingMax,
    engineIdleMs: engines.idleMs,
    engineJobsMax: 0,
    warmEngines: 0,
  };
  const tenant: TenantQuota = {
    max: unlimited,
    runningMax: Number.MAX_SAFE_INTEGER,
    waitingMax: Number.MAX_SAFE_INTEGER,
    waitingBytesMax: Number.MAX_SAFE_INTEGER,
    weight: 1,
  };
  return {quotaOf: () => quota, tenantQuotaOf: () => tenant, onChange: () => () => undefined};
}
