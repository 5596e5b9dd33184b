/** Replaces variables in the code (Linkis: `VarSubstitutionInterceptor`); the rules are those of `domain/variable*.ts`. */
import {languageOf} from '../domain/code-language.ts';
import {variablesOf} from '../domain/job-params.ts';
import {substitute} from '../domain/variable-substitution.ts';
import type {Check} from './job-draft.ts';

/** Throws the errors of `domain/variable-error.ts`. */
export const substituteVariables: Check = (draft, {nowMs, timeZone, settings}) => {
  const {code, codeType, params, executeUser, submitUser} = draft;
  const language = languageOf(codeType);
  if (!settings.variableSubstitution || language === undefined) return draft;
  const substituted = substitute(code, language, {
    variables: variablesOf(params),
    system: {user: executeUser, execute_user: executeUser, submit_user: submitUser},
    nowMs,
    timeZone,
    usesTimeOfDay: settings.datePatternUsesTimeOfDay,
  });
  if (substituted === code) return draft;
  return {...draft, code: substituted, logLines: [...draft.logLines, 'Variables in the code were replaced.']};
};
