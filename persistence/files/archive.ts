/**
 * The archive of what retention removed, under `archive/` in the data directory: `history/<day>/<first>-<last>.jsonl.gz` with a
 * job a line, and `logs/…`, `results/…` with the files under their old paths, compressed. A file appears whole, synced and
 * under a name that nothing had before, or not at all; what a crash left half written (`….writing`) is written again.
 */
import {createReadStream, createWriteStream} from 'node:fs';
import {link, lstat, mkdir, open, readdir, rm} from 'node:fs/promises';
import {dirname, join, relative} from 'node:path';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {createGunzip, createGzip} from 'node:zlib';
import {createInterface} from 'node:readline';
import {ArchiveError} from '../../actors/domain/history-errors.ts';
import {isRecord} from '../../actors/domain/job-params.ts';
import type {JobArchive} from '../../actors/job-archive.ts';
import type {ArchivedJob} from '../../actors/job-history.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import {isMissing, syncDirectory} from './file-io.ts';

export type ArchiveOptions = {
  /** The data directory, absolute. */
  readonly directory: string;
  readonly clock: Clock;
};

const areaName = 'archive';
const unfinished = '.writing';
const namesMax = 10_000;

export function createJobArchive({directory, clock}: ArchiveOptions): JobArchive {
  const area = join(directory, areaName);
  return {
    async keepJobs(jobs) {
      const [first, last] = [jobs[0], jobs.at(-1)];
      if (first === undefined || last === undefined) return;
      const day = new Date(clock.now()).toISOString().slice(0, 10);
      const path = join(area, 'history', day, `${first.row.id}-${last.row.id}.jsonl.gz`);
      await orArchiveError(path, () => writeWhole(path, Readable.from(linesOf(jobs))));
    },
    async keepFiles(kind, source) {
      for (const file of await filesUnder(source)) {
        const path = join(area, kind, `${relative(join(directory, kind), file)}.gz`);
        await orArchiveError(path, () => writeWhole(path, createReadStream(file)));
      }
    },
  };
}

function* linesOf(jobs: readonly ArchivedJob[]): Generator<string> {
  for (const job of jobs) yield `${JSON.stringify(job)}\n`;
}

async function orArchiveError(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new ArchiveError(path, error);
  }
}

/** Compressed, synced, and then named; never over a file that is there. */
async function writeWhole(path: string, source: Readable): Promise<void> {
  const place = dirname(path);
  await makeDirectory(place);
  const temporary = `${path}${unfinished}`;
  await rm(temporary, {force: true});
  await pipeline(source, createGzip(), createWriteStream(temporary, {mode: 0o600, flags: 'wx'}));
  const file = await open(temporary, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await linkUnder(temporary, path);
  await rm(temporary);
  await syncDirectory(place);
}

/** `1-500.jsonl.gz`, or when that is taken `1-500.2.jsonl.gz`, … */
async function linkUnder(temporary: string, path: string): Promise<void> {
  for (let n = 1; n <= namesMax; n += 1) {
    const name = n === 1 ? path : path.replace(/(\.jsonl)?\.gz$/, ending => `.${n}${ending}`);
    try {
      return await link(temporary, name);
    } catch (error) {
      if (!isThere(error)) throw error;
    }
  }
  throw new Error(`there are ${namesMax} files of that name`);
}

const isThere = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EEXIST';

/** Makes it durable with all its parents that are new. */
async function makeDirectory(place: string): Promise<void> {
  const made = await mkdir(place, {recursive: true, mode: 0o700});
  if (made === undefined) return;
  for (let at = place; at.length >= made.length; at = dirname(at)) await syncDirectory(dirname(at));
}

/** Plain files of a directory, or the file itself; links are left out. */
async function filesUnder(path: string): Promise<readonly string[]> {
  const stats = await lstat(path).catch(gone);
  if (stats === undefined) return [];
  if (stats.isFile()) return [path];
  if (!stats.isDirectory()) return [];
  const entries = await readdir(path, {withFileTypes: true});
  const found: string[] = [];
  for (const entry of entries) {
    if (entry.isFile() || entry.isDirectory()) found.push(...(await filesUnder(join(path, entry.name))));
  }
  return found;
}

function gone(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

export type ArchiveFile = {readonly path: string; readonly day: string; readonly sizeBytes: number};

/** Files of archived jobs, in order of the days. */
export async function archiveFiles(directory: string): Promise<readonly ArchiveFile[]> {
  const area = join(directory, areaName, 'history');
  const files: ArchiveFile[] = [];
  for (const day of (await namesIn(area)).toSorted()) {
    for (const name of (await namesIn(join(area, day))).toSorted()) {
      const path = join(area, day, name);
      if (!name.endsWith('.jsonl.gz')) continue;
      files.push({path, day, sizeBytes: (await lstat(path)).size});
    }
  }
  return files;
}

const namesIn = async (path: string): Promise<readonly string[]> => (await readdir(path).catch(gone)) ?? [];

/** The jobs of a file, one after the other, as they were written. */
export async function* archivedJobs(path: string): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const unpacked = createGunzip();
  createReadStream(path)
    .on('error', error => unpacked.destroy(error))
    .pipe(unpacked);
  for await (const line of createInterface({input: unpacked, crlfDelay: Number.POSITIVE_INFINITY})) {
    const job: unknown = JSON.parse(line);
    if (isRecord(job)) yield job;
  }
}
