/** What must hold for the jobs of a workload, whatever has happened to the nodes. */
import type {ExecutionContext} from 'ava';
import type {WorkloadReport} from './cluster-workload.ts';

/** `mayBeAway`: a node that held logs was not started again, so that its logs may be named instead of read. */
export function nothingIsWrong(
  t: ExecutionContext,
  report: WorkloadReport,
  {mayBeAway}: {readonly mayBeAway?: string} = {},
): void {
  const {lost, notSucceeded, unreadLogs, stories, ...figures} = report;
  t.log({...figures, lost: lost.length, notSucceeded: notSucceeded.length, unreadLogs: unreadLogs.length});
  for (const story of stories) t.log(JSON.stringify(story));
  for (const figure of [
    'refused',
    'lost',
    'notSucceeded',
    'doubleEnds',
    'ranTwice',
    'untrue',
    'wrongLogs',
    'ranUnasked',
  ] as const) {
    t.deepEqual(report[figure], [], figure);
  }
  const unexplained = unreadLogs.filter(why => mayBeAway === undefined || !why.includes(mayBeAway));
  t.deepEqual(unexplained, [], 'unreadLogs');
}
