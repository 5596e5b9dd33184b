/**
 * The logs of all jobs as files below one directory: `<log>` with the raw lines, `<log>.idx` with where they are. Holds
 * in memory only what open writers and the most recently read logs need; the lines themselves stay on disk.
 */
import {mkdir, rm} from 'node:fs/promises';
import {dirname} from 'node:path';
import type {LogChunk, LogPosition, LogStore} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import {FileHandles} from './file-handles.ts';
import {isMissing, syncDirectory} from './file-io.ts';
import {LogAppender} from './log-appender.ts';
import {LogWriteError} from './log-error.ts';
import {indexPathOf, LogFile} from './log-file.ts';

export type LogStoreOptions = {
  readonly clock: Clock;
  /** Open file descriptors at most. */
  readonly openFilesMax?: number;
  /** Unused descriptors are closed after this long. */
  readonly openFileIdleMs?: number;
  /** Logs without a writer whose line positions are remembered. */
  readonly rememberedLogsMax?: number;
  /** Bytes one log's writer may have waiting for the disk. */
  readonly backlogBytesMax?: number;
};

export type FileLogStore = LogStore & {
  /** Removes a log and its index (retention); readers then find no lines. */
  readonly remove: (path: string) => Promise<void>;
  /** Waits for writes under way, and closes every file. */
  readonly close: () => Promise<void>;
  readonly metrics: () => {
    readonly openFiles: number;
    readonly writers: number;
    readonly rememberedLogs: number;
  };
};

type Writing = {readonly log: LogFile; readonly appender: LogAppender};

/**
 * Logs are read and appended to by absolute path. `open` makes missing directories (0700) and files (0600); it ends an
 * earlier writer of the same path, whose appends then reject with `LogWriterClosedError`. Appending rejects with
 * `LogWriteError` when the disk refuses. Reading a missing log gives no lines.
 */
export function createLogStore(options: LogStoreOptions): FileLogStore {
  const {clock, openFilesMax = 256, openFileIdleMs = 10_000, rememberedLogsMax = 512} = options;
  const {backlogBytesMax = 16 * 1024 * 1024} = options;
  const handles = new FileHandles({clock, openMax: openFilesMax, idleMs: openFileIdleMs});
  const writers = new Map<string, Writing>();
  /** Logs without a writer, least recently used first. */
  const remembered = new Map<string, LogFile>();
  /** Opens of one path come one after the other. */
  const opening = new Map<string, Promise<LogAppender>>();
  const syncSharedDirectory = shareRuns(syncDirectory);
  const appenderOptions = {handles, backlogBytesMax, syncDirectory: syncSharedDirectory};

  async function openWriter(path: string, key: string): Promise<LogAppender> {
    const earlier = writers.get(path);
    await earlier?.appender.close();
    // Not the remembered one: a look at the files that is still under way would set it back.
    const log = new LogFile(path, handles);
    try {
      const appender = await inDirectory(dirname(path), async () =>
        LogAppender.open(log, key, appenderOptions, () => {
          if (writers.get(path)?.appender !== appender) return;
          writers.delete(path);
          remember(log);
        }),
      );
      remembered.delete(path);
      writers.set(path, {log, appender});
      return appender;
    } catch (error) {
      throw new LogWriteError(path, error);
    }
  }

  function remember(log: LogFile): void {
    remembered.delete(log.path);
    remembered.set(log.path, log);
    for (const path of remembered.keys()) {
      if (remembered.size <= rememberedLogsMax) break;
      remembered.delete(path);
    }
  }

  /** The log with its end as of now. */
  async function look(path: string): Promise<LogFile> {
    const written = writers.get(path);
    if (written !== undefined) return written.log;
    const log = remembered.get(path) ?? new LogFile(path, handles);
    remember(log);
    await log.refresh();
    return log;
  }

  return {
    async open(path, key) {
      const before = opening.get(path);
      const opened = (async () => {
        await before?.catch(() => undefined);
        return openWriter(path, key);
      })();
      opening.set(path, opened);
      try {
        return await opened;
      } finally {
        if (opening.get(path) === opened) opening.delete(path);
      }
    },
    async read(path, fromLine, linesMax, bytesMax): Promise<LogChunk> {
      return (await look(path)).read(fromLine, linesMax, bytesMax);
    },
    async position(path): Promise<LogPosition> {
      return (await look(path)).position;
    },
    async remove(path) {
      await writers.get(path)?.appender.close();
      remembered.delete(path);
      handles.forget(path);
      handles.forget(indexPathOf(path));
      await rm(path, {force: true});
      await rm(indexPathOf(path), {force: true});
    },
    async close() {
      await Promise.all([...writers.values()].map(async ({appender}) => appender.close()));
      remembered.clear();
      await handles.close();
    },
    metrics: () => ({openFiles: handles.openCount, writers: writers.size, rememberedLogs: remembered.size}),
  };
}

/** Runs `action`, and if it finds no such directory, makes it and runs it again. */
async function inDirectory<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!isMissing(error)) throw error;
    await mkdir(path, {recursive: true, mode: 0o700});
    return action();
  }
}

/** Callers that come while a run for the same key is under way share the next one, as it starts after they came. */
function shareRuns(run: (key: string) => Promise<void>): (key: string) => Promise<void> {
  const running = new Map<string, {current: Promise<void>; next: Promise<void> | undefined}>();
  function start(key: string): Promise<void> {
    const entry: {current: Promise<void>; next: Promise<void> | undefined} = {
      current: run(key),
      next: undefined,
    };
    running.set(key, entry);
    const end = (): void => {
      if (running.get(key) === entry && entry.next === undefined) running.delete(key);
    };
    entry.current.then(end, end);
    return entry.current;
  }
  return async key => {
    const entry = running.get(key);
    if (entry === undefined) return start(key);
    entry.next ??= entry.current.catch(() => undefined).then(async () => start(key));
    return entry.next;
  };
}
