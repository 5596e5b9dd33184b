/** `tenon_job_text`: texts of a job that do not fit the seed's `text` columns, and its prepared code. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function jobTextEntity(dialect: EntityDialect) {
  const {binaryCollation, longText} = columnDialect(dialect);
  return defineEntity({
    name: 'JobText',
    tableName: 'tenon_job_text',
    properties: {
      jobId: p.bigint('number').primary().autoincrement(false).unsigned(false),
      /** `code`, `params`, `source` or `prepared`. */
      kind: {type: 'string', length: 16, primary: true, ...binaryCollation},
      content: {type: 'text', columnType: longText, ...binaryCollation},
    },
  });
}
