/**
 * Opens files of jobs, and nothing else. User code writes into result directories, so any part of a path may be a link
 * by the time it is opened: what counts is where the opened file really is.
 */
import {constants} from 'node:fs';
import {lstat, open, readdir, realpath, type FileHandle} from 'node:fs/promises';
import {join, relative, sep} from 'node:path';
import {FileMissingError, FileNotAllowedError, type FileEntry} from '../../actors/job-files.ts';

const areas = ['logs', 'results'] as const;
/** Of a directory no more is looked at; a job writes a few files. */
const entriesMax = 100_000;
const statsAtOnceMax = 32;

export class JobArea {
  readonly #directories: () => readonly string[];
  /** Each with its own links resolved. */
  readonly #roots = new Map<string, Promise<string>>();

  /** Data directories, absolute: this node's, and those of neighbours on this host whose jobs it took over. */
  constructor(directories: () => readonly string[]) {
    this.#directories = directories;
  }

  /** Opens a regular file for reading. Rejects with `FileMissingError` or `FileNotAllowedError`. */
  async open(path: string): Promise<FileHandle> {
    const real = await this.#real(path);
    if (real === undefined) throw new FileMissingError(path);
    let file: FileHandle;
    try {
      // Non-blocking, since a pipe in the place of a file would hold the thread until somebody writes to it.
      file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      throw isNotThere(error) ? new FileMissingError(path) : new FileNotAllowedError(path);
    }
    try {
      const opened = await file.stat();
      // Between the look and the opening a directory may have become a link; then this is another file.
      const there = (await this.#real(path)) === real ? await lstat(real) : undefined;
      if (!opened.isFile() || there?.ino !== opened.ino || there.dev !== opened.dev) {
        throw new FileNotAllowedError(path);
      }
      return file;
    } catch (error) {
      await file.close();
      throw isNotThere(error) ? new FileMissingError(path) : error;
    }
  }

  /** Undefined when there is nothing; links and what is neither file nor directory count as not allowed. */
  async entry(path: string): Promise<FileEntry | undefined> {
    const real = await this.#real(path);
    if (real === undefined) return undefined;
    return entryOf(real, path.slice(path.lastIndexOf(sep) + 1));
  }

  /** Files and directories of a directory, links and hidden files left out, in numeric order; undefined if there is none. */
  async list(path: string): Promise<FileEntry[] | undefined> {
    const real = await this.#real(path);
    if (real === undefined) return undefined;
    let names: string[];
    try {
      names = await readdir(real);
    } catch (error) {
      if (isNotThere(error)) return undefined;
      throw error;
    }
    const visible = names.filter(name => !name.startsWith('.')).slice(0, entriesMax);
    const entries: FileEntry[] = [];
    for (let n = 0; n < visible.length; n += statsAtOnceMax) {
      const some = visible.slice(n, n + statsAtOnceMax);
      // A few at a time is the bound.
      // oxlint-disable-next-line no-await-in-loop
      const found = await Promise.all(some.map(async name => entryOf(join(real, name), name)));
      entries.push(...found.filter(entry => entry !== undefined));
    }
    return entries.toSorted((a, b) => numerically.compare(a.name, b.name));
  }

  async #rootOf(directory: string): Promise<string> {
    const root = await (this.#roots.get(directory) ?? realpath(directory));
    this.#roots.set(directory, Promise.resolve(root));
    return root;
  }

  /** The path with the data directory's own links resolved. Undefined when there is nothing; rejects beyond the areas. */
  async #real(path: string): Promise<string | undefined> {
    const directory = this.#directories().find(candidate => isInArea(relative(candidate, path)));
    if (directory === undefined || path.includes('\0')) throw new FileNotAllowedError(path);
    try {
      const expected = join(await this.#rootOf(directory), relative(directory, path));
      // Any link on the way, wherever it leads, makes these differ.
      if ((await realpath(expected)) !== expected) throw new FileNotAllowedError(path);
      return expected;
    } catch (error) {
      if (isNotThere(error)) return undefined;
      throw error;
    }
  }
}

const isInArea = (inside: string): boolean =>
  areas.some(area => inside === area || inside.startsWith(area + sep));

async function entryOf(real: string, name: string): Promise<FileEntry | undefined> {
  const stats = await lstat(real).catch(() => undefined);
  if (stats === undefined || !(stats.isFile() || stats.isDirectory())) return undefined;
  return {
    name,
    isDirectory: stats.isDirectory(),
    sizeBytes: stats.size,
    modifiedAtMs: Math.round(stats.mtimeMs),
  };
}

/** `_2.dolphin` before `_10.dolphin`. */
const numerically = new Intl.Collator('en', {numeric: true});

const notThere = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

const isNotThere = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && notThere.has(String(error.code));
