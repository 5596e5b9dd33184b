/** `tenon kill`: ends a job and tells what was done. */
import type {Command} from 'commander';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {exitCodes} from './exit-code.ts';
import {parseJobReference} from './job-task.ts';

const words: Readonly<Record<string, string>> = {
  ended: 'was ended',
  underWay: 'is being ended',
  alreadyEnded: 'had ended already',
};

export const killCommand = (world: CommandWorld): Command =>
  clientCommand('kill', 'end a job; answers when nothing of it runs any more, after 8 s at most')
    .argument('<job>', 'its number or execID')
    .action(async (job: string, options: ClientOptions) => {
      const taskID = parseJobReference(job);
      await withClient(options, world, async client => {
        // With the taskID in the query, a job that had ended before is no refusal.
        const data = await client.ask(`entrance/${taskID}/kill`, {body: {}, query: {taskID}});
        const result = String(data['killResult']);
        const status = String(data['jobStatus']);
        const receipt = readReceipt(data['receipt']);
        await (options.json
          ? writeJson(world.terminal, {
              taskID,
              result,
              status,
              ...(receipt === undefined ? {} : {receipt: data['receipt']}),
            })
          : world.terminal.write(
              `Job ${taskID} ${words[result] ?? 'was ended'}: ${status}\n${receipt ?? ''}`,
            ));
        return exitCodes.ok;
      });
    });

/** A line on what was done; undefined where nothing ran. */
function readReceipt(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const {signals, processesEnded, tookMs}: {signals?: unknown; processesEnded?: unknown; tookMs?: unknown} =
    value;
  const how = Array.isArray(signals) && signals.length > 0 ? signals.join(', then ') : 'no signal';
  return `  ${how}; ${Number(processesEnded)} processes ended in ${Math.round(Number(tookMs))} ms\n`;
}
