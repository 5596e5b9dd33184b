/**
 * The lines of a job's log that are ours, not the job's: `yyyy-MM-dd HH:mm:ss.SSS LEVEL text` (contract 7.2). The first
 * lines are a function of the row, so the log of a job that waits can be read before any file exists.
 */
import {instanceOf} from './owner.ts';

export type LoggedRow = {
  readonly id: number;
  readonly jobReqId: string;
  readonly createdTime: number;
  readonly instances: string;
};

/** What Linkis writes when it accepts a job, with the line break after the full stop. */
export function headLines({id, jobReqId, createdTime, instances}: LoggedRow, timeZone: string): string {
  return printLogLine(
    createdTime,
    timeZone,
    'INFO',
    `Your job is accepted,  jobID is ${jobReqId} and jobReqId is ${id} in ServiceInstance(linkis-cg-entrance,` +
      ` ${instanceOf(instances)}, ${createdTime}). \n Please wait it to be scheduled(您的任务已经被接受，请等待调度)`,
  );
}

/** One line with its time in `timeZone`, ending in a line feed. Line breaks inside `text` stay: they are lines of the log. */
export const printLogLine = (
  atMs: number,
  timeZone: string,
  level: 'INFO' | 'WARN' | 'ERROR',
  text: string,
): string => `${printLogTime(atMs, timeZone)} ${level} ${text}\n`;

type SecondFormat = {readonly format: Intl.DateTimeFormat; second: number; text: string};

const formats = new Map<string, SecondFormat>();

function printLogTime(atMs: number, timeZone: string): string {
  let known = formats.get(timeZone);
  if (known === undefined) {
    // Swedish dates are ISO dates: `2026-05-01 10:20:30`.
    const format = new Intl.DateTimeFormat('sv-SE', {timeZone, dateStyle: 'short', timeStyle: 'medium'});
    known = {format, second: Number.NaN, text: ''};
    formats.set(timeZone, known);
  }
  // Thousands of lines share a second, and formatting it is most of a line's cost.
  const second = Math.floor(atMs / 1000);
  if (second !== known.second) {
    known.second = second;
    known.text = known.format.format(atMs);
  }
  return `${known.text}.${String(Math.floor(atMs) - second * 1000).padStart(3, '0')}`;
}
