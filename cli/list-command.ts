/** `tenon list`: jobs, newest first. */
import type {Command} from 'commander';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {exitCodes} from './exit-code.ts';
import {readTask, type JobTask} from './job-task.ts';
import {wholeNumber} from './key-value.ts';
import {printTable} from './text-table.ts';
import {printDuration, printPercent, printTime} from './time-text.ts';

type ListOptions = ClientOptions & {
  readonly status?: string;
  readonly engineType?: string;
  readonly creator?: string;
  readonly tenant?: string;
  readonly all?: boolean;
  readonly of?: string;
  readonly limit: number;
  readonly page: number;
};

const codeCharsMax = 40;

export const listCommand = (world: CommandWorld): Command =>
  clientCommand('list', 'show jobs, newest first')
    .option('--status <status,…>', 'only these, such as Running,Failed')
    .option('--engine-type <type>', 'only of this engine type, without version')
    .option('--creator <name>', 'only of this creator')
    .option('--tenant <name>', 'only of this tenant')
    .option('--all', "everybody's jobs; administrators only")
    .option('--of <user>', "somebody else's jobs; administrators only")
    .option('--limit <count>', 'so many on a page', wholeNumber(1), 20)
    .option('--page <number>', 'which page, from 1', wholeNumber(1), 1)
    .action(async (options: ListOptions) => {
      const {status, engineType, creator, tenant, all = false, of, limit, page} = options;
      await withClient(options, world, async client => {
        const data = await client.ask('jobhistory/list', {
          query: {
            status,
            creator,
            tenant,
            executeApplicationName: engineType,
            pageNow: page,
            pageSize: limit,
            ...(all || of !== undefined ? {isAdminView: true, proxyUser: of} : {}),
          },
        });
        const tasks = Array.isArray(data['tasks']) ? data['tasks'].map(readTask) : [];
        const total = Number(data['totalPage']) || 0;
        if (options.json) {
          const isApproximate = data['totalIsApproximate'] === true;
          await writeJson(world.terminal, {
            tasks: tasks.map(({raw}) => raw),
            total,
            ...(isApproximate && {isApproximate}),
          });
        } else {
          await world.terminal.write(table(tasks));
          if (total > tasks.length) {
            world.terminal.note(`${tasks.length} of ${printTotal(total, data)} jobs, page ${page}`);
          }
        }
        return exitCodes.ok;
      });
    });

/** Beyond 10,000 nobody counts exactly. */
const printTotal = (total: number, data: Readonly<Record<string, unknown>>): string =>
  data['totalIsApproximate'] === true
    ? `about ${total}`
    : data['totalIsCapped'] === true
      ? `more than ${total}`
      : String(total);

const table = (tasks: readonly JobTask[]): string =>
  printTable({
    header: ['JOB', 'STATUS', 'PROGRESS', 'USER', 'CREATOR', 'ENGINE', 'SUBMITTED', 'TOOK', 'CODE'],
    rows: tasks.map(({taskID, status, progress, user, creator, engineType, createdTime, costTime, code}) => [
      String(taskID),
      status,
      printPercent(progress),
      user,
      creator,
      engineType,
      printTime(createdTime),
      printDuration(costTime),
      code.trim().slice(0, codeCharsMax),
    ]),
  });
