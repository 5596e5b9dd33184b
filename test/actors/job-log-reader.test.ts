import test from 'ava';
import {headLines} from '../../actors/domain/job-log-text.ts';
import {defaultsOf} from '../../actors/domain/setting.ts';
import {createJobLogReader} from '../../actors/job-log-reader.ts';
import type {JobFacts, JobRow, LogStore} from '../../actors/ports.ts';
import {retentionSettings} from '../../actors/retention-settings.ts';
import {manualClock} from '../support/manual-clock.ts';
import {storedJob} from '../support/stored-jobs.ts';

const dayMs = 86_400_000;
const endedAt = 1_700_000_000_000;

/** One job, number 7, `ageMs` after its last change, whose log has these lines. */
function reader(
  row: Partial<JobRow>,
  facts: Partial<JobFacts>,
  {ageMs = 0, written = [], isLive = false}: {ageMs?: number; written?: readonly string[]; isLive?: boolean},
) {
  const job = storedJob({updatedTime: endedAt, instances: 'host:9001#i#1', ...row, id: 7}, facts);
  const logs: LogStore = {
    open: () => Promise.reject(new Error('nobody writes here')),
    async read(_path, fromLine, linesMax) {
      const lines = written.slice(fromLine, fromLine + linesMax);
      return {fromLine, lineCount: lines.length, bytes: Buffer.from(lines.map(line => `${line}\n`).join(''))};
    },
    position: async () => ({lines: written.length, bytes: written.join('\n').length, spoolOffset: 0}),
  };
  const {status, submitUser, executeUser, logPath} = job.row;
  const view = {
    taskID: 7,
    execID: '',
    status,
    progress: 1,
    progressInfo: [],
    submitUser,
    executeUser,
    logPath,
  };
  return {
    job,
    ...createJobLogReader({
      logs,
      store: {get: async taskID => (taskID === 7 ? job : undefined)},
      find: async taskID => (taskID === 7 ? view : undefined),
      isLive: () => isLive,
      keep: async () => undefined,
      retention: defaultsOf(retentionSettings),
      clock: manualClock(endedAt + ageMs),
      timeZone: 'UTC',
    }),
  };
}

test('a log that is there is read as it is, however old', async t => {
  const {readLog, logPosition} = reader(
    {status: 'Succeed'},
    {logLines: 2},
    {ageMs: 99 * dayMs, written: ['a', 'b']},
  );
  t.is((await logPosition(7))?.lines, 2);
  t.is(Buffer.from((await readLog(7, 1, 10, 100))?.bytes ?? []).toString(), 'b\n');
  t.deepEqual(await readLog(7, 2, 10, 100), {fromLine: 2, lineCount: 0, bytes: Buffer.alloc(0)});
  t.is(await readLog(8, 0, 10, 100), undefined);
});

test('the first lines of a job that waits are read before there is a file', async t => {
  const {readLog, logPosition, job} = reader({status: 'Inited'}, {}, {ageMs: 99 * dayMs});
  const head = headLines(job.row, 'UTC');
  t.is((await logPosition(7))?.lines, 2);
  t.is(Buffer.from((await readLog(7, 0, 10, 1000))?.bytes ?? []).toString(), head);
  t.is(Buffer.from((await readLog(7, 1, 10, 1000))?.bytes ?? []).toString(), `${head.split('\n')[1]}\n`);
});

test('of a log that retention removed, readers learn how many lines it had and why they are gone', async t => {
  const {readLog, logPosition} = reader({status: 'Failed'}, {logLines: 40}, {ageMs: 30 * dayMs});
  t.deepEqual(await logPosition(7), {lines: 40, bytes: 0, spoolOffset: 0});
  const chunk = await readLog(7, 3, 10, 100);
  t.like(chunk, {fromLine: 40, lineCount: 0});
  t.regex(chunk?.whyGone ?? '', /removed by retention: the job ended at 2023-11-14/);
  t.is((await readLog(7, 40, 10, 100))?.whyGone, undefined, 'behind its end nothing is gone');
});

test('a log that is missing too early was not removed by retention, and that is said', async t => {
  const {readLog} = reader({status: 'Succeed'}, {logLines: 5}, {ageMs: dayMs});
  t.regex((await readLog(7, 0, 10, 100))?.whyGone ?? '', /not in this node's data directory.*host:9001\.$/);
});

test('a job that has just ended may have its log yet to be written', async t => {
  const {readLog} = reader({status: 'Succeed'}, {logLines: 5}, {isLive: true});
  t.like(await readLog(7, 0, 10, 100), {fromLine: 0, lineCount: 2});
});
