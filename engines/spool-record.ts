/**
 * Records of a spool: length, checksum, type, payload. The decoder takes the spool's bytes in any pieces, from the
 * socket or from the file alike, and knows the offset it has reached; `host/spool.py` writes them.
 */
import {crc32} from 'node:zlib';
import type {EndReceipt, EngineEvent, TaskEnd} from '../actors/ports.ts';
import type {ProgressInfo} from '../actors/domain/job.ts';
import {EngineProtocolError} from './engine-errors.ts';

export const recordType = {opened: 1, log: 2, progress: 3, ended: 4} as const;

export const recordHeaderBytes = 9;
/** Two longest lines, repaired; what announces more is damaged. */
export const recordBytesMax = 8 * 1024 * 1024;

/** `offset` is the position after the record. */
export type SpoolRecord = {readonly type: number; readonly payload: Buffer; readonly offset: number};

/** The record at `offset` is not what was written there. */
export class SpoolDamagedError extends EngineProtocolError {
  readonly offset: number;

  constructor(offset: number, what: string) {
    super(`the spool is damaged at offset ${offset} (${what})`);
    this.offset = offset;
  }
}

export type SpoolDecoder = {
  /** Whole records that `bytes` completes, up to the first damaged one; payloads are views of `bytes` where possible. */
  readonly push: (bytes: Buffer) => SpoolRecord[];
  /** Set when a record did not check; nothing is decoded any more. */
  readonly damage: () => SpoolDamagedError | undefined;
  /** How far the spool was taken in, whole records or not. */
  readonly received: () => number;
  /** The offset after the last whole record. */
  readonly decoded: () => number;
};

export function createSpoolDecoder(fromOffset: number): SpoolDecoder {
  let parts: Buffer[] = [];
  let partsBytes = 0;
  let neededBytes = recordHeaderBytes;
  let decoded = fromOffset;
  let damage: SpoolDamagedError | undefined;
  return {
    push(bytes) {
      if (damage !== undefined) return [];
      parts.push(bytes);
      partsBytes += bytes.length;
      // Joined only when a record is complete: a long one in many pieces is copied once.
      if (partsBytes < neededBytes) return [];
      let buffer = parts.length === 1 ? bytes : Buffer.concat(parts, partsBytes);
      const records: SpoolRecord[] = [];
      neededBytes = recordHeaderBytes;
      while (buffer.length >= recordHeaderBytes) {
        const length = buffer.readUInt32BE(0);
        if (length > recordBytesMax) {
          damage = new SpoolDamagedError(decoded, `a record of ${length} bytes`);
          break;
        }
        const end = recordHeaderBytes + length;
        if (buffer.length < end) {
          neededBytes = end;
          break;
        }
        // The type byte stands right before the payload, and is covered by the checksum too.
        if (crc32(buffer.subarray(recordHeaderBytes - 1, end)) !== buffer.readUInt32BE(4)) {
          damage = new SpoolDamagedError(decoded, 'its checksum does not fit');
          break;
        }
        decoded += end;
        records.push({
          type: buffer.readUInt8(8),
          payload: buffer.subarray(recordHeaderBytes, end),
          offset: decoded,
        });
        buffer = buffer.subarray(end);
      }
      parts = buffer.length === 0 ? [] : [buffer];
      partsBytes = buffer.length;
      return records;
    },
    damage: () => damage,
    received: () => decoded + partsBytes,
    decoded: () => decoded,
  };
}

/** What a record says about its task; undefined for records that are of no concern to an owner. */
export function eventOf(
  taskID: number,
  attempt: number,
  {type, payload, offset}: SpoolRecord,
): EngineEvent | undefined {
  switch (type) {
    case recordType.log:
      return {type: 'log', taskID, attempt, lines: payload, offset};
    case recordType.progress: {
      const {progress, info} = parsed(payload, offset);
      return {
        type: 'progress',
        taskID,
        attempt,
        progress: typeof progress === 'number' ? progress : 0,
        info: Array.isArray(info) ? info.map(progressInfo) : [],
        offset,
      };
    }
    case recordType.ended:
      return {type: 'ended', taskID, attempt, end: taskEnd(parsed(payload, offset), offset), offset};
    default:
      return undefined;
  }
}

/** The first record of a spool: whose it is. */
export function openedOf({type, payload, offset}: SpoolRecord): {
  taskID: number;
  attempt: number;
  epoch: number;
} {
  const value = type === recordType.opened ? parsed(payload, offset) : {};
  const {taskID, attempt, epoch} = value;
  if (typeof taskID !== 'number' || typeof attempt !== 'number' || typeof epoch !== 'number') {
    throw new SpoolDamagedError(0, 'it does not begin with the record of its task');
  }
  return {taskID, attempt, epoch};
}

function parsed(payload: Buffer, offset: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    if (typeof value === 'object' && value !== null) return {...value};
  } catch {
    // Falls through to the one error for all that is not an object.
  }
  throw new SpoolDamagedError(offset, 'a payload is not a JSON object');
}

function progressInfo(value: unknown): ProgressInfo {
  const given: Record<string, unknown> = typeof value === 'object' && value !== null ? {...value} : {};
  const count = (name: string): number => (typeof given[name] === 'number' ? given[name] : 0);
  return {
    id: typeof given['id'] === 'string' ? given['id'] : '',
    totalTasks: count('totalTasks'),
    runningTasks: count('runningTasks'),
    failedTasks: count('failedTasks'),
    succeedTasks: count('succeedTasks'),
  };
}

const outcomes: readonly TaskEnd['outcome'][] = ['succeeded', 'failed', 'killed', 'timedOut'];

function taskEnd(value: Record<string, unknown>, offset: number): TaskEnd {
  const outcome = outcomes.find(known => known === value['outcome']);
  if (outcome === undefined)
    throw new SpoolDamagedError(offset, `an unknown outcome ${String(value['outcome'])}`);
  const {failure, resultCount, engineIsReusable} = value;
  const receipt = receiptOf(value['receipt']);
  const end = {
    outcome,
    resultCount: typeof resultCount === 'number' ? resultCount : 0,
    engineIsReusable: engineIsReusable === true,
    ...(receipt === undefined ? {} : {receipt}),
  };
  if (typeof failure !== 'object' || failure === null) return end;
  const {code, message, retryable}: Record<string, unknown> = {...failure};
  return {
    ...end,
    failure: {
      code: typeof code === 'number' ? code : 0,
      message: typeof message === 'string' ? message : '',
      retryable: retryable === true,
    },
  };
}

const receiptSignalsMax = 10;
const receiptPidsMax = 100;
const signalName = /^SIG[A-Z0-9]{1,12}$/;

/** Undefined for what is no receipt: an engine may leave it out, and nothing hangs on it. */
function receiptOf(value: unknown): EndReceipt | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const {signals, processesEnded, pids, tookMs}: Record<string, unknown> = {...value};
  if (!Array.isArray(signals) || !Array.isArray(pids) || !isCount(processesEnded) || !isCount(tookMs)) {
    return undefined;
  }
  const isSignal = (each: unknown): each is string => typeof each === 'string' && signalName.test(each);
  return {
    signals: signals.slice(0, receiptSignalsMax).filter(isSignal),
    processesEnded,
    pids: pids.slice(0, receiptPidsMax).filter(isCount),
    tookMs,
  };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
