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
        await (options.json
          ? writeJson(world.terminal, {taskID, result, status})
          : world.terminal.write(`Job ${taskID} ${words[result] ?? 'was ended'}: ${status}\n`));
        return exitCodes.ok;
      });
    });
