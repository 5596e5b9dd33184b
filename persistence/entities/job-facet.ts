/**
 * `tenon_job_facet`: each combination of what lists filter by, once. A job's row in `tenon_job` has its number, so that a
 * filter becomes a few ranges of one narrow index. Rows are never removed.
 */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function jobFacetEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  const text = (length: number) => ({type: 'string', length, ...binaryCollation}) as const;
  return defineEntity({
    name: 'JobFacet',
    tableName: 'tenon_job_facet',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      submitUser: text(50),
      executeUser: text(50),
      creator: text(50),
      engineType: text(32),
      codeType: text(50),
      /** `host:port` of the owner, in lower case. */
      instance: text(250),
      tenant: text(50),
    },
    uniques: [
      {
        name: 'uniq_tenon_job_facet',
        properties: ['submitUser', 'executeUser', 'creator', 'engineType', 'codeType', 'instance', 'tenant'],
      },
    ],
  });
}
