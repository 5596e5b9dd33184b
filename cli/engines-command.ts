/** `tenon engines`: the processes that run jobs; `kill`, `log` and `ecms` for one of them and for the hosts they run on. */
import {Command, Option} from 'commander';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {ecmTable, engineTable, printReceipt, readList, recordOf} from './engine-text.ts';
import {exitCodes} from './exit-code.ts';
import {wholeNumber} from './key-value.ts';

type LogOptions = ClientOptions & {
  readonly type: string;
  readonly from: number;
  readonly last?: number;
};

const logTypes = ['stdout', 'stderr', 'gc', 'yarnApp', 'udfLog'];
const linesAtOnce = 5000;

export function enginesCommand(world: CommandWorld): Command {
  return new Command('engines')
    .description('engines and their hosts: list, kill, log, ecms')
    .addCommand(listCommand(world), {isDefault: true})
    .addCommand(killCommand(world))
    .addCommand(logCommand(world))
    .addCommand(ecmsCommand(world));
}

const listCommand = (world: CommandWorld): Command =>
  clientCommand('list', "show engines: yours; to an administrator everybody's")
    .option('--mine', 'only your own')
    .action(async (options: ClientOptions & {readonly mine?: boolean}) => {
      await withClient(options, world, async client => {
        const data = await client.ask('engines/list', {query: {mine: options.mine}});
        if (options.json) await writeJson(world.terminal, data);
        else await world.terminal.write(engineTable(readList(data['engines']), Number(data['at'])));
        return exitCodes.ok;
      });
    });

const killCommand = (world: CommandWorld): Command =>
  clientCommand('kill', 'end an engine and the job it runs, and tell what was done')
    .argument('<engine>', 'its id or instance, as the list shows it')
    .action(async (engine: string, options: ClientOptions) => {
      await withClient(options, world, async client => {
        const data = await client.ask('engines/kill', {body: {engine}});
        if (options.json) await writeJson(world.terminal, data);
        else await world.terminal.write(printReceipt(String(data['engineId']), recordOf(data['receipt'])));
        return exitCodes.ok;
      });
    });

const logCommand = (world: CommandWorld): Command =>
  clientCommand('log', 'show what an engine wrote, also of one that has ended')
    .argument('<engine>', 'its id or instance')
    .addOption(new Option('--type <type>', 'which of its streams').choices(logTypes).default('stdout'))
    .option('--from <line>', 'first line, counted from 1', wholeNumber(1), 1)
    .option('--last <count>', 'only the last so many lines', wholeNumber(1))
    .action(async (engine: string, options: LogOptions) => {
      const {type, last, json} = options;
      await withClient(options, world, async client => {
        for (let from = options.from; ;) {
          // Each page begins where the one before it ended.
          // oxlint-disable-next-line no-await-in-loop
          const page = await client.ask('engines/log', {
            query: {engine, type, from, size: linesAtOnce, last},
          });
          const lines = Array.isArray(page['logs']) ? page['logs'].map(String) : [];
          // oxlint-disable-next-line no-await-in-loop
          if (json) await writeJson(world.terminal, page);
          // oxlint-disable-next-line no-await-in-loop
          else if (lines.length > 0) await world.terminal.write(`${lines.join('\n')}\n`);
          if (last !== undefined || lines.length < linesAtOnce) return exitCodes.ok;
          from = Number(page['endLine']) + 1;
        }
      });
    });

const ecmsCommand = (world: CommandWorld): Command =>
  clientCommand('ecms', 'show the hosts of engines; administrators only').action(
    async (options: ClientOptions) => {
      await withClient(options, world, async client => {
        const data = await client.ask('engines/ecms');
        if (options.json) await writeJson(world.terminal, data);
        else await world.terminal.write(ecmTable(readList(data['ecms'])));
        return exitCodes.ok;
      });
    },
  );
