/** The start of a node as a timed tree, printed so that a slow start explains itself. */
import type {RecoveryReport} from './actors/recovery.ts';

export type BootTree = {
  /** Runs one step and notes how long it took; steps may overlap. */
  readonly step: <T>(name: string, run: () => T | Promise<T>) => Promise<T>;
  /** Adds to what is known of a step, for the print. */
  readonly note: (name: string, text: string) => void;
  readonly print: () => string;
};

export function bootTree(nowMs: () => number): BootTree {
  const startMs = nowMs();
  const steps = new Map<string, {fromMs: number; tookMs: number; note: string}>();
  return {
    async step(name, run) {
      const fromMs = nowMs();
      const entry = {fromMs: fromMs - startMs, tookMs: 0, note: ''};
      steps.set(name, entry);
      const result = await run();
      entry.tookMs = nowMs() - fromMs;
      return result;
    },
    note(name, text) {
      const entry = steps.get(name);
      if (entry !== undefined) entry.note = text;
    },
    print() {
      const rows = [...steps];
      const width = Math.max(...rows.map(([name]) => name.length));
      const lines = rows.map(([name, {fromMs, tookMs, note}], index) => {
        const branch = index === rows.length - 1 ? '└─' : '├─';
        return `${branch} ${name.padEnd(width)}  ${at(fromMs)} + ${at(tookMs)}  ${note}`.trimEnd();
      });
      return [`tenon, up in ${at(nowMs() - startMs).trim()}`, ...lines].join('\n');
    },
  };
}

const at = (ms: number): string => `${String(Math.round(ms)).padStart(5)} ms`;

/** What a start found of earlier lives; empty: nothing. */
export function printRecovered({
  queued = 0,
  resumed = 0,
  restarted = 0,
  lost = 0,
}: Partial<RecoveryReport> = {}): string {
  if (queued + resumed + restarted + lost === 0) return '';
  return `${queued} queued, ${resumed} resumed, ${restarted} to start again, ${lost} lost`;
}
