/** A followed job on the terminal: its lines on standard output, its status as a line at the bottom. */
import {isTerminal, type JobStatus} from '../actors/domain/job.ts';
import {writeJson} from './client-command.ts';
import {exitCodeOf, exitCodes, type ExitCode} from './exit-code.ts';
import type {FacadeClient} from './facade-client.ts';
import {followJob} from './job-follow.ts';
import {describeEnd, fetchTask} from './job-task.ts';
import type {StreamFrame} from './stream-frame.ts';
import type {Signal, Terminal} from './terminal.ts';

export type FollowOptions = {
  readonly taskID: number;
  /** Counted from 0. */
  readonly fromLine: number;
  /** Frames as lines of JSON, instead of the job's own lines. */
  readonly isJson: boolean;
  /** What a first Ctrl-C or SIGTERM does: end the job and see it out, or just stop following. */
  readonly onSignal: 'killJob' | 'leaveJob';
  readonly patienceMs?: number;
};

/** Resolves to the job's fate as an exit code, or to that of the signal. */
export async function showFollowed(
  client: FacadeClient,
  terminal: Terminal,
  {taskID, fromLine, isJson, onSignal, patienceMs}: FollowOptions,
): Promise<ExitCode> {
  const leave = new AbortController();
  let signalled: Signal | undefined;
  let status: JobStatus = 'Inited';
  let progress = 0;

  function showState(): void {
    const percent = progress > 0 ? ` ${Math.floor(progress * 100)} %` : '';
    terminal.progress(isTerminal(status) ? '' : `Job ${taskID}: ${status}${percent}`);
  }

  async function show(frame: Exclude<StreamFrame, {type: 'error'}>): Promise<void> {
    if (frame.type === 'status') status = frame.status;
    if (frame.type === 'progress') ({progress} = frame);
    if (isJson) await writeJson(terminal, frame);
    else if (frame.type === 'log') await terminal.write(`${frame.lines.join('\n')}\n`);
    if (frame.type === 'gap') {
      terminal.note(`(lines ${frame.fromLine} to ${frame.toLine - 1} are gone: ${frame.why})`);
    }
    showState();
  }

  async function endJob(): Promise<void> {
    terminal.note(`Ending job ${taskID} … (once more leaves it to its fate)`);
    try {
      await client.ask(`entrance/${taskID}/kill`, {body: {}, query: {taskID}});
    } catch (error) {
      terminal.note(
        `It could not be ended: ${error instanceof Error ? error.message : String(error)} Try: tenon kill ${taskID}`,
      );
      leave.abort();
    }
  }

  const stopListening = terminal.onSignal(signal => {
    const isFirst = signalled === undefined;
    signalled ??= signal;
    if (isFirst && onSignal === 'killJob') void endJob();
    else leave.abort();
  });
  try {
    showState();
    const end = await followJob({
      client,
      taskID,
      fromLine,
      onFrame: show,
      onBreak: (why, nextLine) => terminal.note(`${why} Connecting again, from line ${nextLine} on.`),
      signal: leave.signal,
      ...(patienceMs === undefined ? {} : {patienceMs}),
    });
    terminal.progress('');
    if (end.type === 'aborted') {
      terminal.note(
        `Job ${taskID} is no longer followed. Go on with: tenon log ${taskID} --follow --from ${end.nextLine}`,
      );
    } else if (end.status !== 'Succeed') {
      terminal.note(describeEnd(await fetchTask(client, taskID)));
    }
    if (signalled !== undefined) {
      return signalled === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
    }
    return end.type === 'ended' ? exitCodeOf(end.status) : exitCodes.interrupted;
  } finally {
    terminal.progress('');
    stopListening();
  }
}
