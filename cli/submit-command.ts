/** `tenon submit`: hands a job in, and with `--follow` sees it through. */
import type {Command} from 'commander';
import {nanoid} from 'nanoid';
import {setTimeout as delay} from 'node:timers/promises';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {ConnectionError} from './command-error.ts';
import {exitCodes} from './exit-code.ts';
import {UnreachableError, type Data, type FacadeClient} from './facade-client.ts';
import {showFollowed} from './follow-view.ts';
import {collectPair} from './key-value.ts';
import {readCode, submissionBody, type SubmissionOptions} from './submission-body.ts';

type SubmitOptions = ClientOptions &
  SubmissionOptions & {
    readonly follow?: boolean;
    readonly keep?: boolean;
    readonly idempotencyKey?: string;
  };

const retryDelaysMs = [500, 1000, 2000, 4000, 8000];

export const submitCommand = (world: CommandWorld): Command =>
  clientCommand('submit', 'hand in a job; its code comes from --code, --file or standard input')
    .option('--engine-type <type>', 'engine, such as shell-1 or python-python3 (from the file or code type)')
    .option('--code-type <type>', 'shell, python, sql, … (from the file or engine type)')
    .option('--code <text>', 'the code itself')
    .option('--file <file>', 'the file that holds it; "-" is standard input')
    .option(
      '--label <key=value>',
      'a label, such as route=et1 or jobRunningTimeout=60; repeatable',
      collectPair,
    )
    .option('--var <key=value>', 'a variable for ${key} in the code; repeatable', collectPair)
    .option('--param <key=value>', 'a runtime parameter; repeatable', collectPair)
    .option('--creator <name>', 'what the job is submitted from (IDE)')
    .option('--execute-user <name>', 'who executes it; with an administrator token only')
    .option('--idempotency-key <key>', 'submitting again with the same key gives the same job')
    .option('-f, --follow', 'show its log until it ends; the exit code is its fate')
    .option('--keep', 'with --follow: leave the job at work on Ctrl-C')
    .action(async (options: SubmitOptions) => {
      const {terminal} = world;
      const code = await readCode(options, terminal);
      await withClient(options, world, async client => {
        const accepted = await submit(client, options, code);
        const taskID = Number(accepted['taskID']);
        const execID = String(accepted['execID']);
        if (options.follow !== true) {
          await (options.json ? writeJson(terminal, {taskID, execID}) : terminal.write(`${taskID}\n`));
          return exitCodes.ok;
        }
        if (options.json) await writeJson(terminal, {type: 'accepted', taskID, execID});
        else terminal.note(`Job ${taskID} is accepted.`);
        return await showFollowed(client, terminal, {
          taskID,
          fromLine: 0,
          isJson: options.json === true,
          onSignal: options.keep ? 'leaveJob' : 'killJob',
        });
      });
    });

/**
 * Under one key the node makes one job of however many requests, so a request whose answer was lost can be sent again.
 * Where nothing listens at all, the first attempt is the last.
 */
async function submit(client: FacadeClient, options: SubmitOptions, code: string): Promise<Data> {
  const body = submissionBody(options, code, client.user);
  const headers = {'idempotency-key': options.idempotencyKey ?? nanoid()};
  for (const [attempt, delayMs] of retryDelaysMs.entries()) {
    try {
      // oxlint-disable-next-line no-await-in-loop
      return await client.ask('entrance/submit', {body, headers});
    } catch (error) {
      const isHopeless = attempt === 0 && error instanceof UnreachableError;
      if (!(error instanceof ConnectionError) || isHopeless) throw error;
    }
    // oxlint-disable-next-line no-await-in-loop
    await delay(delayMs);
  }
  return await client.ask('entrance/submit', {body, headers});
}
