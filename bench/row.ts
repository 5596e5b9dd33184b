/** One line of a benchmark's table: our figure against a peer or a limit that was measured in the same run. */
export type Row = {
  readonly name: string;
  readonly ours: number;
  readonly unit: string;
  /** What `theirs` is. */
  readonly against: string;
  readonly theirs: number;
  /** `ours / theirs`. */
  readonly ratio: number;
  /** `≥ 15` or `≤ 1.5`, of the ratio. */
  readonly goal: string;
  readonly ok: boolean;
  /** What the figure promises or leaves out: durability, range of samples, size. */
  readonly note?: string;
};

export type BenchOptions = {
  /** Smaller and fewer samples: for CI, which wants to know of a regression, not of a figure. */
  readonly isShort: boolean;
};

type Comparison = Pick<Row, 'name' | 'unit' | 'against'> & {
  readonly ours: number;
  readonly theirs: number;
  readonly note?: string;
} & ({readonly atLeast: number} | {readonly atMost: number});

export function row(comparison: Comparison): Row {
  const {name, ours, unit, against, theirs, note} = comparison;
  const ratio = ours / theirs;
  const isFloor = 'atLeast' in comparison;
  const bound = 'atLeast' in comparison ? comparison.atLeast : comparison.atMost;
  return {
    name,
    ours,
    unit,
    against,
    theirs,
    ratio,
    goal: `${isFloor ? '≥' : '≤'} ${bound}`,
    ok: isFloor ? ratio >= bound : ratio <= bound,
    ...(note === undefined ? {} : {note}),
  };
}

/** Whether the ratio reaches the goal, made easier by `tolerance` (0.5: half of a floor, twice a ceiling). */
export function isWithin({ratio, goal}: Row, tolerance: number): boolean {
  const [sign, bound] = goal.split(' ');
  return sign === '≤' ? ratio <= Number(bound) / tolerance : ratio >= Number(bound) * tolerance;
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1);
  return (low + high) / 2;
}

export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/**
 * Measures each contender once per round, in turn, so that all of them meet the same disturbance of the machine; the
 * order turns around every round. Returns each one's samples.
 */
export async function interleaved<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contenders) as Name[];
  const samples = Object.fromEntries(names.map(name => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      samples[name].push(await contenders[name]());
    }
  }
  return samples;
}
