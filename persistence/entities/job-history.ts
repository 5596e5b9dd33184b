/** `linkis_ps_job_history_group_history`: one row a job, column for column as the seed has it. The guard of every change. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, longKey, type EntityDialect} from './column-dialect.ts';

const statusComment =
  'Script execution status, must be one of the following: Inited, WaitForRetry, Scheduled, Running, Succeed, Failed,' +
  ' Cancelled, Timeout';

export function jobHistoryEntity(dialect: EntityDialect) {
  const {nowMs, msDigits} = columnDialect(dialect);
  return defineEntity({
    name: 'JobHistory',
    tableName: 'linkis_ps_job_history_group_history',
    properties: {
      id: longKey(dialect).primary().autoincrement().unsigned(false).comment('Primary Key, auto increment'),
      jobReqId: p.string().length(64).nullable().comment('job execId'),
      submitUser: p.string().length(50).nullable().index('idx_submit_user').comment('who submitted this Job'),
      executeUser: p.string().length(50).nullable().comment('who actually executed this Job'),
      source: p.text().nullable().comment('job source'),
      labels: p.text().nullable().comment('job labels'),
      params: p.text().nullable().comment('job params'),
      progress: p.string().length(32).nullable().comment('Job execution progress'),
      status: p.string().length(50).nullable().comment(statusComment),
      logPath: p.string().length(200).nullable().comment('File path of the job log'),
      errorCode: p
        .integer()
        .unsigned(false)
        .nullable()
        .comment('Error code. Generated when the execution of the script fails'),
      errorDesc: p
        .string()
        .length(1000)
        .nullable()
        .comment('Execution description. Generated when the execution of script fails'),
      createdTime: p
        .datetime(msDigits)
        .nullable()
        .defaultRaw(nowMs)
        .index('idx_created_time')
        .comment('Creation time'),
      updatedTime: p.datetime(msDigits).nullable().defaultRaw(nowMs).comment('Update time'),
      instances: p.string().length(250).nullable().comment('Entrance instances'),
      metrics: p.text().nullable().comment('Job Metrics'),
      engineType: p.string().length(32).nullable().comment('Engine type'),
      executionCode: p.text().nullable().comment('Job origin code or code path'),
      resultLocation: p.string().length(500).nullable().comment('File path of the resultsets'),
      observeInfo: p
        .string()
        .length(500)
        .nullable()
        .comment('The notification information configuration of this job'),
    },
  });
}
