/**
 * Removes comments from SQL (Linkis: `CommentInterceptor`), so that code of nothing but comments counts as empty. Code in
 * other languages keeps them: a Python traceback must name the lines that the user wrote.
 */
import {languageOf} from '../domain/code-language.ts';
import {sqlPieces, withoutComments} from '../domain/sql-text.ts';
import type {Check} from './job-draft.ts';

export const removeComments: Check = draft => {
  if (languageOf(draft.codeType) !== 'sql') return draft;
  const pieces = sqlPieces(draft.code);
  return pieces?.some(({type}) => type === 'comment')
    ? {...draft, code: withoutComments(draft.code, pieces)}
    : draft;
};
