/** The frames a node sends on its stream (`/ws/v1/stream`), read from text. */
import {isRecord} from '../actors/domain/job-params.ts';
import {jobStatuses, type JobStatus} from '../actors/domain/job.ts';

export type StreamFrame =
  | {readonly type: 'status'; readonly taskID: number; readonly status: JobStatus; readonly at: string}
  | {readonly type: 'progress'; readonly taskID: number; readonly progress: number}
  | {
      readonly type: 'log';
      readonly taskID: number;
      readonly fromLine: number;
      readonly lines: readonly string[];
    }
  | {
      readonly type: 'gap';
      readonly taskID: number;
      readonly fromLine: number;
      readonly toLine: number;
      readonly why: string;
    }
  | {readonly type: 'end'; readonly taskID: number; readonly status: JobStatus; readonly lines: number}
  | {readonly type: 'error'; readonly code: number; readonly message: string};

/** Undefined for a frame of a type or shape that we do not know: later versions may send more. */
export function parseFrame(text: string): StreamFrame | undefined {
  const frame: unknown = JSON.parse(text);
  if (!isRecord(frame)) return undefined;
  const {type, taskID, at, message, why} = frame;
  if (type === 'error') {
    return {type, code: count(frame, 'code') ?? 0, message: typeof message === 'string' ? message : text};
  }
  if (typeof taskID !== 'number') return undefined;
  const status = jobStatuses.find(known => known === frame['status']);
  const fromLine = count(frame, 'fromLine');
  switch (type) {
    case 'status':
      return status === undefined ? undefined : {type, taskID, status, at: typeof at === 'string' ? at : ''};
    case 'progress':
      return {type, taskID, progress: Number(frame['progress']) || 0};
    case 'log': {
      const {lines} = frame;
      return fromLine === undefined || !isTexts(lines) ? undefined : {type, taskID, fromLine, lines};
    }
    case 'gap': {
      const toLine = count(frame, 'toLine');
      if (fromLine === undefined || toLine === undefined) return undefined;
      return {type, taskID, fromLine, toLine, why: typeof why === 'string' ? why : ''};
    }
    case 'end':
      return status === undefined ? undefined : {type, taskID, status, lines: count(frame, 'lines') ?? 0};
    default:
      return undefined;
  }
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(line => typeof line === 'string');

function count(frame: Readonly<Record<string, unknown>>, key: string): number | undefined {
  const value = frame[key];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
