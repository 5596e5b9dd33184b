/**
 * `linkis_ps_job_history_detail`: what a job executed. A row's id is the job's, times 1,000, plus its place in the job: so a
 * job's rows are found by the primary key alone (the seed has no other), and writing them twice changes nothing.
 */
import {isTerminal, jobStatuses, type JobStatus} from '../actors/domain/job.ts';
import type {JobDetail, JobUpdate} from '../actors/ports.ts';
import {cutToCharacters, fitting, widths} from './column-limits.ts';
import {detailTable, historyTable, jobTable, statusOf, type Columns} from './job-columns.ts';
import {integerOf, optionalInteger, textOf, timeOf} from './sql-row.ts';
import {placeholders, type SqlRow, type SqlSession, type SqlWords} from './sql-session.ts';

const placesPerJob = 1000;

/** Rows of the statements that an update reports. Throws `ValueTooLongError`. */
export const detailColumns = (
  {id, details = []}: Pick<JobUpdate, 'id' | 'details'>,
  time: SqlWords['time'],
): readonly Columns[] =>
  details
    .filter(({ordinal}) => Number.isInteger(ordinal) && ordinal > 0 && ordinal < placesPerJob)
    .map(detail => ({
      id: id * placesPerJob + detail.ordinal,
      job_history_id: id,
      result_location: fitting('resultLocation', detail.resultLocation, widths.resultLocation),
      execution_content: cutToCharacters(detail.executionContent, widths.detailContent),
      result_array_size: detail.resultArraySize,
      job_group_info: '',
      created_time: time(detail.createdTime),
      updated_time: time(detail.updatedTime),
      status: detail.status,
      priority: detail.ordinal,
    }));

/** Whether an attempt ends with this status, and so gets a row; a job that never ran has none. */
export const endsAttempt = (status: JobStatus | undefined): boolean =>
  status !== undefined && attemptEnds.includes(status);

const attemptEnds: readonly JobStatus[] = jobStatuses.filter(
  status => isTerminal(status) || status === 'WaitForRetry',
);

/**
 * One row for the attempt that each of these jobs has just ended; nothing where there is one, or the job goes on. Its values
 * are the ids. An attempt after which the job waits for another has failed.
 */
export const attemptDetailSql = (insertOrIgnore: SqlWords['insertOrIgnore'], jobs: number): string =>
  `${insertOrIgnore} into ${detailTable}
   (id, job_history_id, result_location, execution_content, result_array_size, job_group_info, created_time,
    updated_time, status, priority)
   select h.id * ${placesPerJob} + j.attempt, h.id, h.result_location,
    substr(h.execution_code, 1, ${widths.detailContent}), null, '', h.created_time, h.updated_time,
    case h.status when 'WaitForRetry' then 'Failed' else h.status end, j.attempt
   from ${historyTable} h join ${jobTable} j on j.id = h.id
   where h.id in (${placeholders(jobs)}) and j.attempt > 0 and j.attempt < ${placesPerJob}
    and h.status in (${attemptEnds.map(status => `'${status}'`).join(', ')})`;

/** The place of its rows: `id` between both. */
export const detailRange = (taskID: number): readonly [from: number, to: number] => [
  taskID * placesPerJob,
  taskID * placesPerJob + placesPerJob - 1,
];

export async function readDetails(session: SqlSession, taskID: number): Promise<readonly JobDetail[]> {
  const rows = await session.all(
    `select * from ${detailTable} where id between ? and ? and job_history_id = ? order by id`,
    [...detailRange(taskID), taskID],
  );
  return rows.map(toDetail);
}

const toDetail = (row: SqlRow): JobDetail => ({
  ordinal: integerOf(row, 'id') % placesPerJob,
  status: statusOf(row),
  executionContent: textOf(row, 'execution_content'),
  resultLocation: textOf(row, 'result_location'),
  resultArraySize: optionalInteger(row, 'result_array_size'),
  createdTime: timeOf(row, 'created_time'),
  updatedTime: timeOf(row, 'updated_time'),
});
