/** Reads a whole spool as strictly as section 5 and 6 of the protocol are written, and says what stands in it. */
import {readFile} from 'node:fs/promises';
import {decodeJson} from '../engine-frame.ts';
import {createSpoolDecoder, recordBytesMax, recordType, type SpoolRecord} from '../spool-record.ts';
import {EngineBreachError, must} from './conformance-errors.ts';

export type SpoolAudit = {
  readonly records: readonly SpoolRecord[];
  /** All log records, as text. */
  readonly log: string;
  readonly progress: readonly number[];
  readonly end: TrialEnd | undefined;
  readonly epoch: number;
};

export type TrialEnd = {
  readonly outcome: string;
  readonly resultCount: number;
  readonly engineIsReusable: boolean;
  readonly failure:
    | {readonly code: number; readonly message: string; readonly retryable: boolean}
    | undefined;
};

/** Rejects with `EngineBreachError`, saying at which offset. */
export async function auditSpool(
  path: string,
  task: {readonly taskID: number; readonly attempt: number; readonly engineId: string},
): Promise<SpoolAudit> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new EngineBreachError(`the spool can't be read (${cause instanceof Error ? cause.message : ''})`);
  });
  const decoder = createSpoolDecoder(0);
  const records = decoder.push(bytes);
  const damage = decoder.damage();
  if (damage !== undefined) throw damage;
  must(
    decoder.decoded() === bytes.length,
    `the spool ends in the middle of a record, at ${decoder.decoded()}`,
  );
  const epoch = openedBy(records, task);
  const log: string[] = [];
  const progress: number[] = [];
  let end: TrialEnd | undefined;
  for (const record of records) {
    must(end === undefined, `a record follows the record of the end, before offset ${record.offset}`);
    must(record.payload.length <= recordBytesMax, `the record before offset ${record.offset} is too long`);
    if (record.type === recordType.log) log.push(logText(record));
    else if (record.type === recordType.progress) progress.push(progressOf(record));
    else if (record.type === recordType.ended) end = endOf(decodeJson(record.payload));
  }
  return {records, log: log.join(''), progress, end, epoch};
}

function openedBy(
  records: readonly SpoolRecord[],
  {taskID, attempt, engineId}: {readonly taskID: number; readonly attempt: number; readonly engineId: string},
): number {
  const [first, ...others] = records;
  must(first?.type === recordType.opened, 'the first record of the spool is not the one that opens it');
  must(
    !others.some(({type}) => type === recordType.opened),
    'a second record of type opened is in the spool',
  );
  const opened = decodeJson(first.payload);
  for (const [name, expected] of Object.entries({version: 1, taskID, attempt, engineId})) {
    must(
      opened[name] === expected,
      `the opening record says ${name} ${JSON.stringify(opened[name])}, not ${expected}`,
    );
  }
  const {epoch} = opened;
  must(typeof epoch === 'number' && Number.isSafeInteger(epoch), 'the opening record lacks the epoch');
  return epoch;
}

function logText({payload, offset}: SpoolRecord): string {
  must(payload.at(-1) === 0x0a, `the log record before offset ${offset} does not end with a line feed`);
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(payload);
  } catch {
    throw new EngineBreachError(`the log record before offset ${offset} is not valid UTF-8`);
  }
}

function progressOf({payload, offset}: SpoolRecord): number {
  const where = `the progress record before offset ${offset}`;
  const {progress, info} = decodeJson(payload);
  must(
    typeof progress === 'number' && progress >= 0 && progress <= 1,
    `${where} has progress ${String(progress)}`,
  );
  must(Array.isArray(info), `${where} has no list info`);
  for (const part of info) {
    const given: Record<string, unknown> = typeof part === 'object' && part !== null ? {...part} : {};
    must(typeof given['id'] === 'string', `${where} has a part without an id`);
    for (const name of ['totalTasks', 'runningTasks', 'failedTasks', 'succeedTasks']) {
      must(typeof given[name] === 'number', `${where} has a part without the number ${name}`);
    }
  }
  return progress;
}

/** The payload of an end, its form checked. Throws `EngineBreachError`. */
export function endOf(given: Readonly<Record<string, unknown>>): TrialEnd {
  const {outcome, resultCount, engineIsReusable, failure} = given;
  must(
    typeof outcome === 'string' && ['succeeded', 'failed', 'killed', 'timedOut'].includes(outcome),
    `the end has the unknown outcome ${String(outcome)}`,
  );
  must(
    Number.isSafeInteger(resultCount) && Number(resultCount) >= 0,
    `the end has resultCount ${String(resultCount)}`,
  );
  must(typeof engineIsReusable === 'boolean', 'the end does not say engineIsReusable');
  const end = {outcome, resultCount: Number(resultCount), engineIsReusable};
  if (failure === undefined || failure === null) {
    must(outcome === 'succeeded', `the end is ${outcome}, but says no failure`);
    return {...end, failure: undefined};
  }
  must(outcome !== 'succeeded', 'the end is succeeded, yet has a failure');
  const {code, message, retryable}: Record<string, unknown> = {...failure};
  must(Number.isSafeInteger(code), `the failure has the code ${String(code)}, which is no whole number`);
  must(typeof message === 'string' && message.length > 0, 'the failure has no message');
  must(typeof retryable === 'boolean', 'the failure does not say retryable');
  return {...end, failure: {code: Number(code), message, retryable}};
}

/** The log without lines of the engine's own, which begin with a time and a level (section 6). */
export const userLines = (log: string): string =>
  log.replaceAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (?:INFO|WARN|ERROR) .*\n/gm, '');

/** Reads a result set as strictly as Linkis' readers do; answers its type and the number of records after the metadata. */
export function auditResultSet(
  bytes: Buffer,
  name: string,
): {readonly type: number; readonly records: number} {
  must(bytes.subarray(0, 7).toString('latin1') === 'dolphin', `${name} does not begin with the word dolphin`);
  const type = tenDigits(bytes, 7, name);
  let at = 17;
  let records = -1;
  while (at < bytes.length) {
    const length = tenDigits(bytes, at, name);
    must(at + 10 + length <= bytes.length, `${name} ends in the middle of the record at ${at}`);
    at += 10 + length;
    records += 1;
  }
  must(records >= 0, `${name} has no metadata record`);
  return {type, records};
}

function tenDigits(bytes: Buffer, at: number, name: string): number {
  const digits = bytes.subarray(at, at + 10).toString('latin1');
  must(/^\d{10}$/.test(digits), `${name} has no ten digits at ${at}`);
  return Number(digits);
}
