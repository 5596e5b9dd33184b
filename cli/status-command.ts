/** `tenon status`: one job as the history knows it now. */
import type {Command} from 'commander';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {exitCodeOf} from './exit-code.ts';
import {fetchTask, parseJobReference, type JobTask} from './job-task.ts';
import {printDuration, printPercent, printTime} from './time-text.ts';

export const statusCommand = (world: CommandWorld): Command =>
  clientCommand('status', 'show one job; the exit code is its fate')
    .argument('<job>', 'its number or execID')
    .action(async (job: string, options: ClientOptions) => {
      const taskID = parseJobReference(job);
      await withClient(options, world, async client => {
        const task = await fetchTask(client, taskID);
        await (options.json ? writeJson(world.terminal, task.raw) : world.terminal.write(describe(task)));
        return exitCodeOf(task.status);
      });
    });

function describe(task: JobTask): string {
  const {taskID, status, progress, user, creator, engineType, createdTime, costTime, errCode, errDesc} = task;
  const lines: (readonly [string, string | undefined])[] = [
    ['job', String(taskID)],
    ['status', status],
    ['progress', printPercent(progress)],
    ['user', user],
    ['creator', creator],
    ['engine', engineType],
    ['submitted', printTime(createdTime)],
    ['took', printDuration(costTime)],
    ['code', errCode === undefined ? undefined : String(errCode)],
    ['reason', errDesc],
    ['log', task.logPath],
    ['results', task.resultLocation],
    ['execID', task.execID],
  ];
  return lines
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name.padEnd(11)}${value}\n`)
    .join('');
}
