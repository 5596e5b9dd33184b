/**
 * Refuses Scala code that would end the engine under the jobs after it (Linkis: `SparkCodeCheckInterceptor` and
 * `ScalaCodeInterceptor` in one; the latter's second half looks for a misspelt method and never hits).
 */
import {languageOf} from '../domain/code-language.ts';
import {LinkisError} from '../domain/errors.ts';
import type {Check} from './job-draft.ts';

/** Scala code contains a call that would end its engine. */
export class ScalaCodeError extends LinkisError {
  override readonly name = 'ScalaCodeError';
  readonly code = 20074;

  constructor(call: string) {
    super(`The code contains ${call}, which would end the engine under the jobs after it. Leave it out.`);
  }
}

const forbidden = ['sc.stop', 'System.exit', 'sc.cancelAllJobs', 'Runtime.getRuntime'];

export const checkScalaCode: Check = (draft, {settings}) => {
  if (!settings.scalaCodeCheck || languageOf(draft.codeType) !== 'scala') return draft;
  const call = forbidden.find(candidate => draft.code.includes(candidate));
  if (call !== undefined) throw new ScalaCodeError(call);
  return draft;
};
