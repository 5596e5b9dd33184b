/** The tenant of a job: its label, else what the configuration maps its user and creator to (`SetTenantLabelInterceptor`). */
import {readLabels} from '../domain/label.ts';
import type {SubmissionSettings} from '../submission-settings.ts';
import type {Check, JobDraft} from './job-draft.ts';

/** Throws `InvalidLabelError` when the configured tenant is no label. */
export const setTenant: Check = (draft, {settings, configuredTenant}) => {
  const {labels} = draft;
  const tenant = tenantOf(draft, settings, configuredTenant);
  if (tenant === '' || labels['tenant'] === tenant) return {...draft, tenant};
  return {...draft, tenant, labels: {...labels, ...readLabels({tenant})}};
};

/** Empty: none. */
export function tenantOf(
  {labels, executeUser, creator}: Pick<JobDraft, 'labels' | 'executeUser' | 'creator'>,
  {tenants}: Pick<SubmissionSettings, 'tenants'>,
  /** What the configuration tables say; they go before the settings. */
  configured: (user: string, creator: string) => string = () => '',
): string {
  const given = labels['tenant'];
  if (given !== undefined && given !== '') return given;
  const mapped = configured(executeUser, creator);
  if (mapped !== '') return mapped;
  const names = [`${executeUser}-${creator}`, `*-${creator}`, `${executeUser}-*`];
  return (
    names
      .map(name => tenants.find(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1))
      .find(tenant => tenant !== undefined && tenant !== '') ?? ''
  );
}
