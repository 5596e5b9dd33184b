/** Copies the queue's old parameter name to the present one (Linkis: `CompatibleInterceptor`). */
import {sectionOf, withSection} from '../domain/job-params.ts';
import type {Check} from './job-draft.ts';

const oldKey = 'wds.linkis.yarnqueue';
const newKey = 'wds.linkis.rm.yarnqueue';

export const renameYarnQueue: Check = draft => {
  const startup = sectionOf(draft.params, 'startup');
  const queue = startup[oldKey] ?? sectionOf(draft.params, 'runtime')[oldKey];
  if (queue === undefined || startup[newKey] !== undefined) return draft;
  return {...draft, params: withSection(draft.params, 'startup', {[newKey]: queue})};
};
