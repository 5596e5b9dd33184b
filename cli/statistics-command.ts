/** `tenon statistics`: how many jobs, how long they took and what they waited for. */
import {Option, type Command} from 'commander';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {exitCodes} from './exit-code.ts';
import {printTable} from './text-table.ts';
import {printDuration} from './time-text.ts';

type StatisticsOptions = ClientOptions & {
  readonly from?: string;
  readonly to?: string;
  readonly groupBy: string;
  readonly of?: string;
  readonly tenant?: string;
  readonly engineType?: string;
  readonly creator?: string;
};

const groups = ['day', 'tenant', 'user', 'engineType', 'creator', 'status'];
const causesShown = 3;

export const statisticsCommand = (world: CommandWorld): Command =>
  clientCommand(
    'statistics',
    'count jobs, and show how long they took and waited; yours, or all for administrators',
  )
    .option('--from <day>', 'submitted from this day on, as 2026-05-01, UTC (seven days ago)')
    .option('--to <day>', 'submitted before this day (until now)')
    .addOption(new Option('--group-by <what>', 'one line for each').choices(groups).default('day'))
    .option('--of <user>', "somebody else's jobs; administrators only")
    .option('--tenant <name>', 'only of this tenant')
    .option('--engine-type <type>', 'only of this engine type, without version')
    .option('--creator <name>', 'only of this creator')
    .action(async (options: StatisticsOptions) => {
      const {from, to, groupBy, of, tenant, engineType, creator} = options;
      await withClient(options, world, async client => {
        const data = await client.ask('jobhistory/statistics', {
          query: {from, to, groupBy, user: of, tenant, engineType, creator},
        });
        if (options.json) {
          await writeJson(world.terminal, data);
          return exitCodes.ok;
        }
        const rows = Array.isArray(data['rows']) ? data['rows'].map(readRow) : [];
        await world.terminal.write(table(groupBy, [...rows, {...readRow(data['total']), key: 'all'}]));
        if (data['isPartial'] === true) {
          world.terminal.note('Too many jobs are too recent to be counted: the oldest of them are left out.');
        }
        return exitCodes.ok;
      });
    });

type Row = {
  readonly key: string;
  readonly jobs: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly duration: string;
  readonly waiting: string;
  readonly causes: string;
};

/** What an older or newer node leaves out is shown as a dash. */
function readRow(value: unknown): Row {
  const row = recordOf(value);
  const byStatus = recordOf(row['byStatus']);
  const causes = Array.isArray(row['waitingByCause']) ? row['waitingByCause'].map(recordOf) : [];
  return {
    key: typeof row['key'] === 'string' && row['key'] !== '' ? row['key'] : '-',
    jobs: countOf(row['jobs']),
    succeeded: countOf(byStatus['Succeed']),
    failed: countOf(byStatus['Failed']) + countOf(byStatus['Timeout']),
    duration: percentiles(recordOf(row['durationMs'])),
    waiting: percentiles(recordOf(row['waitingMs'])),
    causes:
      causes
        .slice(0, causesShown)
        .map(cause => `${String(cause['cause'])} ${percentiles(cause)}`)
        .join(', ') || '-',
  };
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? {...value} : {};

const countOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** `0.4 s / 12 s`: half of them, and 95 of 100, were no longer. */
const percentiles = ({p50, p95}: Readonly<Record<string, unknown>>): string =>
  typeof p50 === 'number' && typeof p95 === 'number' ? `${printDuration(p50)} / ${printDuration(p95)}` : '-';

const table = (groupBy: string, rows: readonly Row[]): string =>
  printTable({
    header: [
      groupBy.toUpperCase(),
      'JOBS',
      'SUCCEED',
      'FAILED',
      'TOOK 50/95 %',
      'WAITED 50/95 %',
      'WAITED FOR',
    ],
    rows: rows.map(({key, jobs, succeeded, failed, duration, waiting, causes}) => [
      key,
      String(jobs),
      String(succeeded),
      String(failed),
      duration,
      waiting,
      causes,
    ]),
  });
