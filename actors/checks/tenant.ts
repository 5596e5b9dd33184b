/** The tenant of a job: its label, else what the configuration maps its user and creator to (`SetTenantLabelInterceptor`). */
import {readLabels} from '../domain/label.ts';
import type {Check} from './job-draft.ts';

/** Throws `InvalidLabelError` when the configured tenant is no label. */
export const setTenant: Check = (draft, {settings}) => {
  const {labels, executeUser, creator} = draft;
  const given = labels['tenant'];
  if (given !== undefined && given !== '') return {...draft, tenant: given};
  const names = [`${executeUser}-${creator}`, `*-${creator}`, `${executeUser}-*`];
  const mapped = names
    .map(name => settings.tenants.find(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1))
    .find(tenant => tenant !== undefined && tenant !== '');
  if (mapped === undefined) return draft;
  return {...draft, tenant: mapped, labels: {...labels, ...readLabels({tenant: mapped})}};
};
