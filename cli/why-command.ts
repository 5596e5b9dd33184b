/** `tenon why`: what a job waits for, with figures, and where its time went; `tenon priority`: its place in the queue. */
import type {Command} from 'commander';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {UsageError} from './command-error.ts';
import {exitCodes} from './exit-code.ts';
import type {Data} from './facade-client.ts';
import {parseJobReference} from './job-task.ts';
import {printDuration} from './time-text.ts';

export const whyCommand = (world: CommandWorld): Command =>
  clientCommand('why', 'tell what a job waits for, and where its time went')
    .argument('<job>', 'its number or execID')
    .action(async (job: string, options: ClientOptions) => {
      const taskID = parseJobReference(job);
      await withClient(options, world, async client => {
        const data = await client.ask(`entrance/${taskID}/why`, {});
        await (options.json ? writeJson(world.terminal, data) : world.terminal.write(describe(data)));
        return exitCodes.ok;
      });
    });

export const priorityCommand = (world: CommandWorld): Command =>
  clientCommand('priority', 'give a waiting job another priority; higher goes first, 100 is the default')
    .argument('<job>', 'its number or execID')
    .argument('<priority>', '0 to 1000; administrators: to 1000000')
    .action(async (job: string, wanted: string, options: ClientOptions) => {
      const taskID = parseJobReference(job);
      const priority = /^\d{1,7}$/.test(wanted) ? Number(wanted) : undefined;
      if (priority === undefined) {
        throw new UsageError(`a priority is a whole number from 0 on, not ${JSON.stringify(wanted)}`);
      }
      await withClient(options, world, async client => {
        const data = await client.ask(`entrance/${taskID}/priority`, {body: {priority}});
        await (options.json
          ? writeJson(world.terminal, data)
          : world.terminal.write(`Job ${taskID} has priority ${priority}.\n`));
        return exitCodes.ok;
      });
    });

function describe({taskID, status, position, eta, gates, timeline}: Data): string {
  const head = [`Job ${String(taskID)} is ${String(status)}`];
  if (typeof position === 'number') head.push(`number ${position} of its group's queue`);
  const due = recordOf(eta);
  if (typeof due['ms'] === 'number') head.push(`its turn comes in about ${printDuration(due['ms'])}`);
  const lines = [`${head.join(', ')}.`];
  if (typeof due['basis'] === 'string') lines.push(`  (${due['basis']})`);
  const held = listOf(gates);
  if (held.length === 0) lines.push('Nothing holds it up.');
  for (const gate of held) lines.push('', ...describeGate(gate));
  const spent = listOf(timeline).map(
    ({cause, ms}) => `${String(cause)} ${typeof ms === 'number' ? printDuration(ms) : '-'}`,
  );
  if (spent.length > 0) lines.push('', `Time so far: ${spent.join(', ')}.`);
  return `${lines.join('\n')}\n`;
}

function describeGate({gate, unit, value, limit, what, opens, holders}: Data): readonly string[] {
  const held = listOf(holders).map(({who, holds}) => `    ${String(holds).padStart(12)}  ${String(who)}`);
  return [
    `${String(gate)}: ${String(what)}`,
    `  ${String(value)} of ${String(limit)} ${String(unit)}. Opens when: ${String(opens)}`,
    ...held,
  ];
}

const recordOf = (value: unknown): Data => (typeof value === 'object' && value !== null ? {...value} : {});

const listOf = (value: unknown): readonly Data[] => (Array.isArray(value) ? value.map(recordOf) : []);
