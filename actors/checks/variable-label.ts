/** A variable `tenant` becomes the label of that name (Linkis: `ParserVarLabelInterceptor`). */
import {variablesOf} from '../domain/job-params.ts';
import {readLabels} from '../domain/label.ts';
import type {Check} from './job-draft.ts';

/** Throws `InvalidLabelError`. */
export const labelFromVariable: Check = draft => {
  const {tenant} = variablesOf(draft.params);
  if (tenant === undefined || draft.labels['tenant'] !== undefined) return draft;
  return {...draft, labels: {...draft.labels, ...readLabels({tenant})}};
};
