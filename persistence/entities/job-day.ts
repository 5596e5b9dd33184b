/**
 * `tenon_job_day`: how many jobs of a day had these facets, and how long they took and waited. Written once for a day whose
 * jobs have all ended (`tenon_job_sealed_day`). Rows of the user `*` are the sums over all users.
 */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function jobDayEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  const key = (length: number) => ({type: 'string', length, primary: true, ...binaryCollation}) as const;
  return defineEntity({
    name: 'JobDay',
    tableName: 'tenon_job_day',
    properties: {
      /** Days since 1970-01-01, in UTC, of the submission. */
      day: p.integer().primary().autoincrement(false).unsigned(false),
      submitUser: key(50),
      tenant: key(50),
      engineType: key(32),
      creator: key(50),
      status: key(50),
      jobs: p.integer().unsigned(false),
      /** A histogram as text, see `actors/domain/histogram.ts`. */
      took: p.text(),
      /** Cause → histogram, as JSON. */
      waits: p.text(),
    },
    // Holds all that sums need: the texts stand elsewhere.
    indexes: [
      {
        name: 'idx_tenon_job_day_user',
        properties: ['submitUser', 'day', 'tenant', 'engineType', 'creator', 'status', 'jobs'],
      },
    ],
  });
}

export const sealedDayEntity = (_dialect: EntityDialect) =>
  defineEntity({
    name: 'SealedDay',
    tableName: 'tenon_job_sealed_day',
    properties: {
      day: p.integer().primary().autoincrement(false).unsigned(false),
      jobs: p.integer().unsigned(false),
    },
  });
