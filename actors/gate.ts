/** What a job can be held up by, as people are told (G12): with figures, with who holds what is lacking, and what would open it. */

export const gateNames = [
  'route',
  'group',
  'tenant',
  'priority',
  'retry',
  'user',
  'engineType',
  'ecm',
  'engine',
  'manager',
  'database',
] as const;

export type GateName = (typeof gateNames)[number];

export type GateHolder = {
  /** `job 7`, `engine e1-3 (alice)`, `tenant a` … */
  readonly who: string;
  readonly holds: number;
  /** Whose it is, where it is somebody's: only administrators are told of others. */
  readonly user?: string;
};

export type Gate = {
  readonly gate: GateName;
  /** What is counted: `jobs`, `engines`, `memoryBytes`, `cores`, `ms` … */
  readonly unit: string;
  /** How much is in use, or has passed. */
  readonly value: number;
  readonly limit: number;
  /** The largest first, at most `holdersMax`. */
  readonly holders: readonly GateHolder[];
  /** A sentence: what stands in the way. */
  readonly what: string;
  /** A sentence: what would let the job through. */
  readonly opens: string;
};

export const holdersMax = 10;
