/** Sections 5 and 6 of the protocol: log lines, progress, result sets. */
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {engineDirectory} from '../../engine-directory.ts';
import {recordType} from '../../spool-record.ts';
import {must} from '../conformance-errors.ts';
import {type EngineCheck} from '../engine-trial.ts';
import {auditResultSet, userLines} from '../spool-audit.ts';

const shown = (text: string): string => JSON.stringify(text.slice(0, 200));

export const outputChecks: readonly EngineCheck[] = [
  {
    name: 'log/last-line',
    why: 'A reader counts lines by their line feeds.',
    needs: ['unfinishedLine'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {spool} = await trial.run(engine, owner, trial.task('unfinishedLine'));
      must(
        userLines(spool.log) === 'unfinished\n',
        `the log is ${shown(spool.log)}, not the word and a line feed`,
      );
    },
  },
  {
    name: 'log/utf8',
    why: 'A byte that is no text must not make a log unreadable; it becomes U+FFFD.',
    needs: ['invalidText'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {spool} = await trial.run(engine, owner, trial.task('invalidText'));
      must(userLines(spool.log) === 'bad\uFFFDtext\n', `the log is ${shown(spool.log)}, not bad\uFFFDtext`);
    },
  },
  {
    name: 'log/long-line',
    why: 'A line without an end would have to be held in memory whole, by everybody who reads it.',
    needs: ['longLine'],
    async run(trial) {
      const lineBytesMax = 5000;
      const {engine, owner} = await trial.attached({lineBytesMax});
      const {spool} = await trial.run(engine, owner, trial.task('longLine', {bytes: 12_345}));
      const lines = userLines(spool.log).split('\n').slice(0, -1);
      const longest = Math.max(...lines.map(line => line.length));
      must(longest <= lineBytesMax, `a line has ${longest} bytes; the limit is ${lineBytesMax}`);
      must(
        lines.join('') === 'x'.repeat(12_345),
        `the pieces have ${lines.join('').length} bytes together, not 12345`,
      );
      must(
        spool.log !== lines.map(line => `${line}\n`).join(''),
        'no line says that the next one was broken',
      );
    },
  },
  {
    name: 'progress/reported',
    why: 'People look at it while they wait.',
    needs: ['progress'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {spool} = await trial.run(engine, owner, trial.task('progress'));
      must(spool.progress.length > 0, 'no progress is in the spool');
    },
  },
  {
    name: 'results/whole',
    why: 'The node publishes as many result sets as the end says, in Linkis’ format, and reads no half ones.',
    needs: ['results'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('results');
      const {end} = await trial.run(engine, owner, task);
      must(end.outcome === 'succeeded', `the job is ${end.outcome}: ${end.failure?.message ?? ''}`);
      must(end.resultCount > 0, 'the end says that there is no result set');
      const directory = engineDirectory(engine.path).results(task.taskID, task.attempt);
      const names: readonly string[] = await readdir(directory).catch(() => []);
      const expected = Array.from({length: end.resultCount}, (_, number) => `_${number}.dolphin`);
      must(
        names.length === expected.length && expected.every(name => names.includes(name)),
        `${end.resultCount} result sets are announced, there is ${names.join()}`,
      );
      for (const name of names) auditResultSet(await readFile(join(directory, name)), name);
    },
  },
  {
    name: 'results/none',
    why: 'A job without result sets says so.',
    needs: ['fail'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('fail');
      const {end, spool} = await trial.run(engine, owner, task);
      const directory = engineDirectory(engine.path).results(task.taskID, task.attempt);
      const count = (await readdir(directory).catch(() => [])).filter(name =>
        name.endsWith('.dolphin'),
      ).length;
      must(count === end.resultCount, `the end says ${end.resultCount} result sets, ${count} are there`);
      must(spool.records.at(-1)?.type === recordType.ended, 'the last record is not the end');
    },
  },
];
