/**
 * `tenon log`: a job's log. Of a job that has ended, and with `--follow`, it comes over the stream, to the last line; of one
 * that is still at work, what there is now.
 */
import type {Command} from 'commander';
import {isTerminal} from '../actors/domain/job.ts';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {RefusedError} from './command-error.ts';
import {exitCodes} from './exit-code.ts';
import type {FacadeClient} from './facade-client.ts';
import {showFollowed} from './follow-view.ts';
import {fetchTask, parseJobReference, type JobTask} from './job-task.ts';
import {wholeNumber} from './key-value.ts';

type LogOptions = ClientOptions & {readonly follow?: boolean; readonly from: number};

export const logCommand = (world: CommandWorld): Command =>
  clientCommand('log', 'show the log of a job')
    .argument('<job>', 'its number or execID')
    .option('-f, --follow', 'go on until the job ends; the exit code is then its fate')
    .option('--from <line>', 'first line, counted from 0', wholeNumber(0), 0)
    .action(async (job: string, options: LogOptions) => {
      const taskID = parseJobReference(job);
      const {from: fromLine, follow = false, json: isJson = false} = options;
      const {terminal} = world;
      await withClient(options, world, async client => {
        const task = await fetchTask(client, taskID);
        if (follow || isTerminal(task.status)) {
          const code = await showFollowed(client, terminal, {taskID, fromLine, isJson, onSignal: 'leaveJob'});
          // Who reads an old log wants the log; that its job failed is no failure of reading it.
          return follow || code >= exitCodes.interrupted ? code : exitCodes.ok;
        }
        const lines = (await presentLines(client, task)).slice(fromLine);
        if (isJson) await writeJson(terminal, {type: 'log', taskID, fromLine, lines});
        else if (lines.length > 0) await terminal.write(`${lines.join('\n')}\n`);
        return exitCodes.ok;
      });
    });

/** Refused without being broken: no such file yet, or too long to be answered in one piece. */
async function presentLines(client: FacadeClient, task: JobTask): Promise<readonly string[]> {
  try {
    const {log} = await client.ask('filesystem/openLog', {query: {path: task.logPath}});
    return linesOf(log);
  } catch (error) {
    if (error instanceof RefusedError) return await polledLines(client, task.taskID);
    throw error;
  }
}

/** Page by page, until one brings nothing; that one is held for a moment by the node, in case something comes. */
async function polledLines(client: FacadeClient, taskID: number): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let fromLine = 1; ;) {
    const query = {fromLine, size: -1};
    // oxlint-disable-next-line no-await-in-loop
    const page = await client.ask(`entrance/${taskID}/log`, {query});
    const next = Number(page['fromLine']);
    if (!(next > fromLine)) return lines;
    lines.push(...linesOf(page['log']));
    fromLine = next;
  }
}

/** The fourth text of Linkis' log array is the log as a whole. */
function linesOf(log: unknown): readonly string[] {
  const text: unknown = Array.isArray(log) ? log[3] : undefined;
  if (typeof text !== 'string' || text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}
