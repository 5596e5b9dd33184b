/**
 * Where a command writes and reads: results on standard output, everything about them on standard error, where one line
 * at the bottom shows progress if a person is looking.
 */
import {text as readAll} from 'node:stream/consumers';
import {BrokenPipeError} from './command-error.ts';

export type Signal = 'SIGINT' | 'SIGTERM';

export type Terminal = {
  /** To standard output. Resolves when it takes more; rejects with `BrokenPipeError` when nobody reads any more. */
  readonly write: (text: string) => Promise<void>;
  /** A line on standard error. */
  readonly note: (line: string) => void;
  /** Replaces the progress line; empty removes it. Without a terminal nothing is shown. */
  readonly progress: (line: string) => void;
  /** Whether something is piped or redirected into the command. */
  readonly hasInput: () => boolean;
  readonly readInput: () => Promise<string>;
  /** Returns what ends the listening; while somebody listens, signals do not end the process. */
  readonly onSignal: (listener: (signal: Signal) => void) => () => void;
};

const clearLine = '\r\x1b[2K';

export function processTerminal(): Terminal {
  const {stdin, stdout, stderr} = process;
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  // Also keeps a write to a closed pipe from ending the process with a stack trace.
  stdout.on('error', () => broken.reject(new BrokenPipeError('Standard output was closed.')));
  stderr.on('error', () => undefined);
  let shown = '';

  function withoutProgress(write: () => void): void {
    if (shown !== '') stderr.write(clearLine);
    write();
    if (shown !== '') stderr.write(shown);
  }

  return {
    async write(text) {
      let takesMore = true;
      withoutProgress(() => {
        takesMore = stdout.write(text);
      });
      if (takesMore) return;
      const drained = new Promise<void>(resolve => {
        stdout.once('drain', resolve);
      });
      await Promise.race([drained, broken.promise]);
    },
    note(line) {
      withoutProgress(() => stderr.write(`${line}\n`));
    },
    progress(line) {
      if (!stderr.isTTY || line === shown) return;
      stderr.write(`${clearLine}${line.slice(0, Math.max(0, (stderr.columns ?? 80) - 1))}`);
      shown = line;
    },
    hasInput: () => !stdin.isTTY,
    readInput: () => readAll(stdin),
    onSignal(listener) {
      const interrupted = (): void => listener('SIGINT');
      const terminated = (): void => listener('SIGTERM');
      process.on('SIGINT', interrupted);
      process.on('SIGTERM', terminated);
      return () => {
        process.off('SIGINT', interrupted);
        process.off('SIGTERM', terminated);
      };
    },
  };
}
