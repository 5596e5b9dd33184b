/** `JobHistoryStore` over SQL. */
import type {JobHistoryStore} from '../actors/job-history.ts';
import type {JobStore} from '../actors/ports.ts';
import {statisticsOf} from './job-day-totals.ts';
import {readDetails} from './job-details.ts';
import {readDue, removeThese} from './job-removal.ts';
import type {SqlSession} from './sql-session.ts';

export const jobHistoryStore = (session: SqlSession, {get}: Pick<JobStore, 'get'>): JobHistoryStore => ({
  details: taskID => readDetails(session, taskID),
  statistics: query => statisticsOf(session, query),
  due: (endedBeforeMs, limit) => readDue(session, endedBeforeMs, limit, get),
  removeDue: (endedBeforeMs, taskIDs) => removeThese(session, endedBeforeMs, taskIDs),
});
