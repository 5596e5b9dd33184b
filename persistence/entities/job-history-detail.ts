/** `linkis_ps_job_history_detail`: the sub-jobs of a job, as the seed has it. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, longKey, type EntityDialect} from './column-dialect.ts';

export function jobHistoryDetailEntity(dialect: EntityDialect) {
  const {nowMs, msDigits} = columnDialect(dialect);
  return defineEntity({
    name: 'JobHistoryDetail',
    tableName: 'linkis_ps_job_history_detail',
    properties: {
      id: longKey(dialect).primary().autoincrement().unsigned(false).comment('Primary Key, auto increment'),
      jobHistoryId: p.bigint('number').unsigned(false).comment('ID of JobHistory'),
      resultLocation: p.string().length(500).nullable().comment('File path of the resultsets'),
      executionContent: p
        .text()
        .nullable()
        .comment('The script code or other execution content executed by this Job'),
      resultArraySize: p.integer().unsigned(false).nullable().default(0).comment('size of result array'),
      jobGroupInfo: p.text().nullable().comment('Job group info/path'),
      createdTime: p.datetime(msDigits).nullable().defaultRaw(nowMs).comment('Creation time'),
      updatedTime: p.datetime(msDigits).nullable().defaultRaw(nowMs).comment('Update time'),
      status: p.string().length(32).nullable().comment('status'),
      priority: p.integer().unsigned(false).nullable().default(0).comment('order of subjob'),
    },
  });
}
