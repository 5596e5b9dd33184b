/** When nodes, and ways between two of them, were of no use: what excuses that something was not found. */
import type {Clock} from '../../actors/runtime/clock.ts';

export type Absences = {
  /** `what`: a node, or the way between two. Said again while it is away already, it changes nothing. */
  readonly goesAway: (what: string) => void;
  readonly isBack: (what: string) => void;
  /**
   * Whether in the `ms` before `atMs` (wall clock) there was no time of more than `noticeMs` in which none of these was away:
   * what is back for less is not noticed.
   */
  readonly wereAway: (whats: readonly string[], atMs: number, ms: number, noticeMs: number) => boolean;
};

/** The name of the way between two nodes, whichever comes first. */
export const wayOf = (one: string, other: string): string => [one, other].toSorted().join(' - ');

export function createAbsences(clock: Clock): Absences {
  const times = new Map<string, {readonly fromMs: number; toMs: number}[]>();
  return {
    goesAway(what) {
      const known = times.get(what) ?? [];
      times.set(what, known);
      if (known.at(-1)?.toMs !== Infinity) known.push({fromMs: clock.now(), toMs: Infinity});
    },
    isBack(what) {
      const last = times.get(what)?.at(-1);
      if (last?.toMs === Infinity) last.toMs = clock.now();
    },
    wereAway(whats, atMs, ms, noticeMs) {
      let covered = atMs - ms;
      const away = whats.flatMap(what => times.get(what) ?? []);
      for (const {fromMs, toMs} of away.toSorted((one, other) => one.fromMs - other.fromMs)) {
        if (fromMs <= covered + noticeMs) covered = Math.max(covered, toMs);
      }
      return covered >= atMs - noticeMs;
    },
  };
}
