/** The shape in which any floor hands its figures to /metrics; `main.ts` collects them. Nothing is computed before it is asked. */
export type Sample = {readonly labels: Readonly<Record<string, string>>; readonly value: number};

export type Metric = {
  /** As Prometheus names it: `tenon_jobs`, counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly labelNames: readonly string[];
  /** May reject when what it asks is away; the metric is then left out of that answer. */
  readonly collect: () => readonly Sample[] | Promise<readonly Sample[]>;
};

/** A metric that is one number. */
export const figure = (
  name: string,
  help: string,
  type: Metric['type'],
  read: () => number | Promise<number>,
): Metric => ({name, help, type, labelNames: [], collect: async () => [{labels: {}, value: await read()}]});
