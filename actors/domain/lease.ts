/** Leases: who is alive, and who is the one of its kind. The database is the only arbiter (`linkis_ps_common_lock`). */
export type Lease = {
  /** `node:host:port` or `singleton:name`. */
  readonly name: string;
  readonly fence: number;
  readonly incarnation: string;
  readonly state: 'joining' | 'up' | 'leaving' | 'dead' | 'gone';
  /** JSON object: roles, boot id, pid, renewal counter … */
  readonly details: Readonly<Record<string, unknown>>;
  /** By the database's clock. */
  readonly isExpired: boolean;
};

/** Rows of `linkis_ps_common_lock`; every change is one compare-and-set by the database's own clock. */
export type LeaseStore = {
  /**
   * Takes the lease, fence + 1, if it is free: no row, `dead`, `gone`, expired, or written on this boot of this host for
   * the same address (`details.bootId` equal: we hold the port, so that process is gone). Undefined if somebody has it.
   */
  readonly acquire: (
    name: string,
    incarnation: string,
    details: Readonly<Record<string, unknown>>,
  ) => Promise<Lease | undefined>;
  /** False: the row is not ours any more. */
  readonly renew: (lease: Lease, changes?: Partial<Pick<Lease, 'state' | 'details'>>) => Promise<boolean>;
  readonly list: (prefix: string) => Promise<readonly Lease[]>;
};
