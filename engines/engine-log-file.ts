/**
 * Reads what an engine printed, for people: `host.log`, then the output of its newest task from its spool. Jobs may write in
 * the engine's directory, so nothing is read through a link, and nothing that lies elsewhere.
 */
import {readdir, readlink, realpath, type FileHandle} from 'node:fs/promises';
import {join} from 'node:path';
import {crc32} from 'node:zlib';
import {EngineLogError} from '../actors/ecm-refusals.ts';
import type {EngineLogPage, EngineLogRequest} from '../actors/engine-governance.ts';
import {openEngineFile} from './engine-file.ts';
import {firstLines, lastLines, type LineChoice} from './engine-log-page.ts';
import {createSpoolDecoder, recordBytesMax, recordHeaderBytes, recordType} from './spool-record.ts';

/** Of one request that counts lines from the beginning. */
const scanBytesMax = 64 * 1024 * 1024;
/** How much of the end is looked at by one that counts from there. */
const tailBytes = 2 * 1024 * 1024;
const hostTailBytes = 64 * 1024;
const chunkBytes = 256 * 1024;
/** Checked in search of a record's beginning; a job may print what looks like one. */
const searchBytesMax = 32 * 1024 * 1024;

type Log = {
  readonly engineId: string;
  readonly directory: string;
  readonly host?: FileHandle;
  readonly spool?: FileHandle;
};

/**
 * Of an engine's directory (absolute); undefined when nothing is there. Standard output and error are one in a spool, so
 * `stdout` and `stderr` show the same; logs of other kinds are empty. Rejects with `EngineLogError`.
 */
export async function readEngineLog(
  engineId: string,
  directory: string,
  request: EngineLogRequest,
): Promise<EngineLogPage | undefined> {
  const task = await newestTask(directory);
  await using files = new AsyncDisposableStack();
  const opened = async (...names: readonly string[]): Promise<FileHandle | undefined> => {
    const file = await openInside(engineId, directory, names);
    if (file !== undefined) files.defer(() => file.close());
    return file;
  };
  const host = await opened('host.log');
  const spool = task === undefined ? undefined : await opened('jobs', task, 'spool');
  if (host === undefined && spool === undefined) return undefined;
  if (request.logType !== 'stdout' && request.logType !== 'stderr') {
    return {logPath: join(directory, request.logType), logs: [], endLine: 0, rows: 0};
  }
  const log = {engineId, directory, ...(host && {host}), ...(spool && {spool})};
  const page =
    request.lastRows > 0 || request.enableTail
      ? lastLines(request, await tailOf(log))
      : await firstPage(log, firstLines(request));
  const logPath =
    task === undefined || spool === undefined
      ? join(directory, 'host.log')
      : join(directory, 'jobs', task, 'spool');
  return {logPath, ...page};
}

/** The end of what the engine itself wrote, for when its directory is gone. Rejects with `EngineLogError`. */
export async function readHostLogTail(engineId: string, directory: string): Promise<Buffer> {
  await using file = await openInside(engineId, directory, ['host.log']);
  return file === undefined ? Buffer.alloc(0) : await tailOfFile(file);
}

/** A regular file of the engine; undefined if there is none. */
async function openInside(
  engineId: string,
  directory: string,
  names: readonly string[],
): Promise<FileHandle | undefined> {
  const refusal = new EngineLogError(engineId, `${names.join('/')} is not a file of the engine`);
  let file: FileHandle;
  try {
    file = await openEngineFile(directory, join(directory, ...names));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw refusal;
  }
  // The way to it may lead through links, and a second name may be that of somebody else's file.
  const [{nlink}, path, parent] = await Promise.all([
    file.stat(),
    readlink(`/proc/self/fd/${file.fd}`).catch(() => ''),
    realpath(directory).catch(() => ''),
  ]);
  if (nlink === 1 && path === join(parent, ...names)) return file;
  await file.close();
  // Removed since it was opened.
  if (nlink === 0) return undefined;
  throw refusal;
}

/** Its directory's name; undefined while there is none. */
async function newestTask(directory: string): Promise<string | undefined> {
  const names = await readdir(join(directory, 'jobs')).catch((): string[] => []);
  const tasks = names.flatMap(name => {
    const [, taskID, attempt] = /^(\d{1,15})-(\d{1,9})$/.exec(name) ?? [];
    return taskID === undefined ? [] : [{name, taskID: Number(taskID), attempt: Number(attempt)}];
  });
  return tasks.toSorted((a, b) => b.taskID - a.taskID || b.attempt - a.attempt)[0]?.name;
}

async function firstPage({engineId, host, spool}: Log, choice: LineChoice) {
  let left = scanBytesMax;
  if (host !== undefined) {
    const {size} = await host.stat();
    const text = await readRange(host, 0, Math.min(size, chunkBytes * 4));
    left -= text.length;
    if (choice.push(text)) return choice.page();
  }
  if (spool === undefined) return choice.page();
  const decoder = createSpoolDecoder(0);
  for (;;) {
    const bytes = await readRange(spool, decoder.received(), chunkBytes);
    for (const {type, payload} of decoder.push(bytes)) {
      if (type === recordType.log && choice.push(payload)) return choice.page();
    }
    left -= bytes.length;
    if (bytes.length === 0 || decoder.damage() !== undefined) return choice.page();
    if (left <= 0) {
      const {endLine} = choice.page();
      throw new EngineLogError(
        engineId,
        `it goes on after line ${endLine}, the last that can be counted from the beginning; ask for its last lines`,
      );
    }
  }
}

/** Whole lines from the end, in order. */
async function tailOf({engineId, host, spool}: Log): Promise<Buffer> {
  if (spool === undefined) return host === undefined ? Buffer.alloc(0) : tailOfFile(host);
  const {size} = await spool.stat();
  // A record may be longer than the part that is looked at.
  for (const bytes of [tailBytes, recordBytesMax + tailBytes]) {
    const from = Math.max(0, size - bytes);
    const lines = logLines(await readRange(spool, from, bytes), from);
    if (lines === undefined) continue;
    return from === 0 && host !== undefined ? Buffer.concat([await tailOfFile(host), lines]) : lines;
  }
  throw new EngineLogError(engineId, 'no whole line is found at its end');
}

/** The output in a part of a spool; undefined when no record begins in it. */
function logLines(bytes: Buffer, from: number): Buffer | undefined {
  let budget = searchBytesMax;
  for (let at = 0; at < bytes.length || from === 0; at += 1) {
    const found = from === 0 ? {at: 0, cost: 0} : recordStart(bytes, at, budget);
    if (found === undefined) return undefined;
    budget -= found.cost;
    const decoder = createSpoolDecoder(from + found.at);
    const records = decoder.push(bytes.subarray(found.at));
    // What looked like a record in the middle of another one does not lead to the end.
    if (decoder.damage() === undefined || from === 0) {
      return Buffer.concat(records.flatMap(({type, payload}) => (type === recordType.log ? [payload] : [])));
    }
    ({at} = found);
  }
  return undefined;
}

/** Where the first whole record at or after `at` begins, and how many bytes were checked for that. */
function recordStart(
  bytes: Buffer,
  at: number,
  budget: number,
): {readonly at: number; readonly cost: number} | undefined {
  let cost = 0;
  // The first byte of a length is 0, since none is so long.
  for (let start = bytes.indexOf(0, at); start !== -1; start = bytes.indexOf(0, start + 1)) {
    const payload = start + recordHeaderBytes;
    if (payload > bytes.length || cost > budget) return undefined;
    const end = payload + bytes.readUInt32BE(start);
    const type = bytes.readUInt8(payload - 1);
    if (end > bytes.length || type < recordType.log || type > recordType.ended) continue;
    cost += end - payload;
    if (crc32(bytes.subarray(payload - 1, end)) === bytes.readUInt32BE(start + 4)) return {at: start, cost};
  }
  return undefined;
}

async function tailOfFile(file: FileHandle): Promise<Buffer> {
  const {size} = await file.stat();
  return readRange(file, Math.max(0, size - hostTailBytes), hostTailBytes);
}

async function readRange(file: FileHandle, offset: number, lengthMax: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(lengthMax);
  let length = 0;
  while (length < lengthMax) {
    const {bytesRead} = await file.read(buffer, length, lengthMax - length, offset + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
