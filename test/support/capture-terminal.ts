/** A terminal that keeps what commands write, and sends signals when a test says so. */
import type {Signal, Terminal} from '../../cli/terminal.ts';

export type CaptureTerminal = Terminal & {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Every progress line that was shown, in order; empty ones removed it. */
  readonly progressLines: readonly string[];
  readonly signal: (signal: Signal) => void;
  /** Resolves as soon as standard output or error holds `text`. */
  readonly shows: (text: string) => Promise<void>;
};

export function captureTerminal(input?: string): CaptureTerminal {
  let stdout = '';
  let stderr = '';
  const progressLines: string[] = [];
  const listeners = new Set<(signal: Signal) => void>();
  const waiting = new Set<() => void>();
  const told = (): void => {
    for (const check of waiting) check();
  };
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    progressLines,
    signal(signal) {
      for (const listener of listeners) listener(signal);
    },
    shows(text) {
      return new Promise(resolve => {
        const check = (): void => {
          if (!stdout.includes(text) && !stderr.includes(text)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
    async write(text) {
      stdout += text;
      told();
    },
    note(line) {
      stderr += `${line}\n`;
      told();
    },
    progress(line) {
      progressLines.push(line);
    },
    hasInput: () => input !== undefined,
    readInput: async () => input ?? '',
    onSignal(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
