/** What the runtime's benchmarks share: the two systems they compare, a machine that counts, and the comparison itself. */
import {start, type Ref as NactRef} from 'nact';
import {systemClock} from '../actors/runtime/clock.ts';
import type {Machine} from '../actors/runtime/machine.ts';
import {systemRandom} from '../actors/runtime/random.ts';
import {startActorSystem, type ActorSystem} from '../actors/runtime/system.ts';
import {interleaved, median, percentile, row, type BenchOptions, type Row} from './row.ts';

const rounds = 7;
const roundsShort = 3;

export const newSystem = (mailboxMax?: number): ActorSystem =>
  startActorSystem({
    name: 'bench',
    clock: systemClock,
    random: systemRandom,
    log: {warn() {}, error() {}},
    ...(mailboxMax === undefined ? {} : {mailboxMax}),
  });

export const newNact = (): NactRef<never> => start();

export const turn = (): Promise<void> =>
  new Promise(resolve => {
    setImmediate(resolve);
  });

export const pause = (ms: number): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, ms);
  });

export async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await turn();
}

/** Counts its messages; the decision is one constant, so that only the runtime is measured. */
export function counter(onMessage: () => void): Machine<undefined, number, never> {
  const decision = {state: undefined, effects: []};
  return {
    initial: undefined,
    decide() {
      onMessage();
      return decision;
    },
    perform() {},
  };
}

type Names = Pick<Row, 'name' | 'unit' | 'against'>;

/**
 * Runs both in turn, several times after a warm-up, and compares the medians. `finer` gives so many times more and shorter
 * samples and compares the best quarter's edge: for what is mostly waiting for the event loop, where other processes
 * add the same delay to both and so hide the difference.
 */
export async function compare(
  {isShort}: BenchOptions,
  names: Names,
  atLeast: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
  finer = 1,
): Promise<Row> {
  await interleaved(finer, {ours, theirs});
  const samples = await interleaved((isShort ? roundsShort : rounds) * finer, {ours, theirs});
  const figure = (rates: readonly number[]): number => (finer > 1 ? percentile(rates, 0.75) : median(rates));
  const note = finer > 1 ? {note: `upper quartile of ${samples.ours.length} samples each`} : {};
  return row({...names, ...note, ours: figure(samples.ours), theirs: figure(samples.theirs), atLeast});
}
