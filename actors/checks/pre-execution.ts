/**
 * The checks in Linkis' order (`EntranceSpringConfiguration`), as far as they apply. Not here: once jobs, context service,
 * AI SQL, sensitive tables and the SQL code check (which always passes). Variables are replaced before comments are
 * removed, and the row limit comes between them, as in Linkis.
 */
import {LinkisError} from '../domain/errors.ts';
import {removeComments} from './comments.ts';
import type {Check, CheckContext, JobDraft} from './job-draft.ts';
import {checkLabels} from './label-check.ts';
import {checkPythonCode} from './python-code.ts';
import {setRetry} from './retry.ts';
import {checkScalaCode} from './scala-code.ts';
import {checkShellDanger} from './shell-danger.ts';
import {limitSqlRows} from './sql-limit.ts';
import {setTenant} from './tenant.ts';
import {labelFromVariable} from './variable-label.ts';
import {substituteVariables} from './variables.ts';
import {renameYarnQueue} from './yarn-queue.ts';

/** Nothing is left to run after the checks: the code was blank, or only comments. */
export class NoCodeLeftError extends LinkisError {
  override readonly name = 'NoCodeLeftError';
  readonly code = 30010;

  constructor() {
    super(
      'Submitting the execution code, after code preprocessing, the real execution code is empty, please check the' +
        ' executed code(提交的执行代码，经过预处理后为空，请检查执行的代码是否为空或则只有注解)!',
    );
  }
}

const checks: readonly Check[] = [
  checkShellDanger,
  renameYarnQueue,
  checkLabels,
  labelFromVariable,
  substituteVariables,
  checkScalaCode,
  checkPythonCode,
  limitSqlRows,
  removeComments,
  setTenant,
  setRetry,
];

/** Throws the `LinkisError` of the first check that refuses, or `NoCodeLeftError`. */
export function runChecks(draft: JobDraft, context: CheckContext): JobDraft {
  const checked = checks.reduce((current, check) => check(current, context), draft);
  if (checked.code.trim() === '') throw new NoCodeLeftError();
  return checked;
}
