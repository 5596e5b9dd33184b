/** What must hold for the jobs of a workload, whatever has happened to the nodes. */
import type {ExecutionContext} from 'ava';
import type {WorkloadReport} from './cluster-workload.ts';

/**
 * `mayBeAway`: a node that held logs was not started again, so that its logs may be named instead of read. `mayFailMax`: so many
 * jobs lost their engine, and may say so.
 */
export function nothingIsWrong(
  t: ExecutionContext,
  report: WorkloadReport,
  {mayBeAway, mayFailMax = 0}: {readonly mayBeAway?: string; readonly mayFailMax?: number} = {},
): void {
  const {lost, notSucceeded, unreadLogs, stories, ...figures} = report;
  t.log({...figures, lost: lost.length, notSucceeded: notSucceeded.length, unreadLogs: unreadLogs.length});
  for (const story of stories) t.log(JSON.stringify(story));
  for (const figure of [
    'refused',
    'lost',
    'doubleEnds',
    'ranTwice',
    'untrue',
    'wrongLogs',
    'ranUnasked',
  ] as const) {
    t.deepEqual(report[figure], [], figure);
  }
  t.true(notSucceeded.length <= mayFailMax, JSON.stringify(notSucceeded.slice(0, 5)));
  const unexplained = unreadLogs.filter(why => mayBeAway === undefined || !why.includes(mayBeAway));
  t.deepEqual(unexplained, [], 'unreadLogs');
}
