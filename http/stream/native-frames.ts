/**
 * The frames of the native stream as bytes. Log lines are turned to JSON a chunk at a time (`split`, one `stringify`:
 * 13,000,000 lines of 30 bytes a second), and the result is shared by everybody who gets the same lines.
 */
import type {Failure} from '../../actors/domain/errors.ts';
import type {LogChunk} from '../../actors/ports.ts';
import type {EncodedLog, JobSpeech} from './job-speech.ts';
import {StreamRequestError} from './stream-error.ts';

export type StreamRequest =
  | {readonly type: 'subscribe'; readonly taskID: number; readonly fromLine: number}
  | {readonly type: 'unsubscribe'; readonly taskID: number};

/** Reads a client's frame; throws `StreamRequestError`. Fields it does not know are left alone, for later versions. */
export function parseRequest(text: string): StreamRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new StreamRequestError('The frame is not JSON.');
  }
  if (typeof value !== 'object' || value === null) {
    throw new StreamRequestError('The frame is not a JSON object.');
  }
  const {type, taskID, fromLine = 0} = value as {type?: unknown; taskID?: unknown; fromLine?: unknown};
  if (type !== 'subscribe' && type !== 'unsubscribe') {
    throw new StreamRequestError(`The frame's type is ${describe(type)}.`);
  }
  if (!isCount(taskID) || taskID === 0) {
    throw new StreamRequestError(`taskID is ${describe(taskID)}, not a job's number.`);
  }
  if (type === 'unsubscribe') return {type, taskID};
  if (!isCount(fromLine)) {
    throw new StreamRequestError(`fromLine is ${describe(fromLine)}, not a line number from 0 on.`);
  }
  return {type, taskID, fromLine};
}

/** The job a frame speaks of, for the failure about it. */
export function taskIdIn(text: string): number | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const taskID: unknown =
      typeof value === 'object' && value !== null ? Reflect.get(value, 'taskID') : undefined;
    return isCount(taskID) ? taskID : undefined;
  } catch {
    return undefined;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const describe = (value: unknown): string => (JSON.stringify(value) ?? 'missing').slice(0, 80);

const frame = (value: object): Buffer => Buffer.from(JSON.stringify(value));

/** `taskID` is null when the failure is about no job. */
export const errorFrame = (taskID: number | undefined, {code, message}: Failure): Buffer =>
  frame({type: 'error', taskID: taskID ?? null, code, message});

export const nativeSpeech = (taskID: number, frameBytesMax: number): JobSpeech => ({
  isShared: true,
  status: (status, at) => frame({type: 'status', taskID, status, at: new Date(at).toISOString()}),
  progress: (progress, progressInfo) => frame({type: 'progress', taskID, progress, progressInfo}),
  log: chunk => encodeLog(taskID, chunk, frameBytesMax),
  gap: (fromLine, toLine, why) => frame({type: 'gap', taskID, fromLine, toLine, why}),
  end: (status, lines) => frame({type: 'end', taskID, status, lines}),
  failure: failure => errorFrame(taskID, failure),
});

/** Whole lines as `log` frames of at most `frameBytesMax`; only a single line may take more. */
export function encodeLog(taskID: number, chunk: LogChunk, frameBytesMax: number): EncodedLog {
  const {buffer, byteOffset, byteLength} = chunk.bytes;
  const text = Buffer.from(buffer, byteOffset, byteLength).toString('utf8', 0, byteLength - 1);
  const lines = text.split('\n');
  const frames: Buffer[] = [];
  addFrames(taskID, chunk.fromLine, lines, frameBytesMax, frames);
  const bytes = frames.reduce((sum, {length}) => sum + length, 0);
  return {fromLine: chunk.fromLine, lineCount: lines.length, frames, bytes};
}

function addFrames(
  taskID: number,
  fromLine: number,
  lines: readonly string[],
  frameBytesMax: number,
  frames: Buffer[],
): void {
  const whole = Buffer.from(
    `{"type":"log","taskID":${taskID},"fromLine":${fromLine},"lines":${JSON.stringify(lines)}}`,
  );
  if (whole.length <= frameBytesMax || lines.length === 1) {
    frames.push(whole);
    return;
  }
  // Rare: reads are half a frame long, so this takes text that JSON makes more than twice as long.
  const half = lines.length >>> 1;
  addFrames(taskID, fromLine, lines.slice(0, half), frameBytesMax, frames);
  addFrames(taskID, fromLine + half, lines.slice(half), frameBytesMax, frames);
}
