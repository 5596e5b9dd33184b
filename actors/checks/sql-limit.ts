/** Selects of configured creators get a row limit (Linkis: `SQLLimitEntranceInterceptor`); see `domain/sql-limit.ts`. */
import {languageOf} from '../domain/code-language.ts';
import {limitRows} from '../domain/sql-limit.ts';
import type {Check} from './job-draft.ts';

export const limitSqlRows: Check = (draft, {settings}) => {
  const {code, codeType, creator, logLines} = draft;
  const {sqlLimitCreators, sqlLimitRowsMax} = settings;
  if (languageOf(codeType) !== 'sql' || !sqlLimitCreators.includes(creator)) return draft;
  const limited = limitRows(code, sqlLimitRowsMax);
  if (limited === undefined || limited.added + limited.lowered === 0) return draft;
  const {sql, added, lowered} = limited;
  const line =
    `Selects of creator ${creator} give at most ${sqlLimitRowsMax} rows: the limit was added to ${added} and lowered` +
    ` in ${lowered}. The line "--set ide.engine.no.limit.allow=true" turns this off.`;
  return {...draft, code: sql, logLines: [...logLines, line]};
};
