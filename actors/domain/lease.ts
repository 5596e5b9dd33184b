/** Leases: who is alive, and who is the one of its kind. The database is the only arbiter (`linkis_ps_common_lock`). */
export type LeaseState = 'joining' | 'up' | 'leaving' | 'dead' | 'gone';

export type LeaseDetails = Readonly<Record<string, unknown>>;

export type Lease = {
  /** `node:host:port` or `singleton:name`. */
  readonly name: string;
  /** Rises with each holder and each death; never falls. */
  readonly fence: number;
  readonly incarnation: string;
  readonly state: LeaseState;
  /** JSON object: roles, boot id, pid, `renewals` (counts them) … */
  readonly details: LeaseDetails;
  /** By the database's clock. */
  readonly isExpired: boolean;
  /** Other than before after every renewal, so an equal one means: nobody has renewed since that look. */
  readonly stamp: string;
};

/** Why the process that holds a lease is known to be gone; kept in the row. */
export type LeaseProof = {
  /** `host:port#incarnation` of whoever found out. */
  readonly by: string;
  readonly how: string;
};

/** Rows of `linkis_ps_common_lock`; every change is one compare-and-set by the database's own clock. */
export type LeaseStore = {
  /**
   * Takes the lease, fence + 1, if it is free: no row, `dead`, `gone`, expired, or written at the same place for the same
   * address (`holdsItsPort`: we hold the port, so that process is gone). Undefined if somebody has it. One that this
   * incarnation holds already is given as it is, and not renewed.
   */
  readonly acquire: (name: string, incarnation: string, details: LeaseDetails) => Promise<Lease | undefined>;
  /** False: the row is not ours any more. */
  readonly renew: (lease: Lease, changes?: Partial<Pick<Lease, 'state' | 'details'>>) => Promise<boolean>;
  /**
   * Makes a lease that was looked at `dead`, fence + 1: only one that is expired, or whose holder is proven to be gone.
   * False: it was renewed or taken since that look, somebody else was first, or it is neither expired nor proven.
   */
  readonly declareDead: (lease: Lease, proof?: LeaseProof) => Promise<boolean>;
  /** By name. A lease that ended more than `endedListedMs` ago is left out. */
  readonly list: (prefix: string) => Promise<readonly Lease[]>;
};

/** How long the end of a lease stays listed: longer than any living node goes without a look. */
export const endedListedMs = 600_000;

/** Somebody has it, as far as the row says; it may have expired. */
export const isHeld = ({state}: Pick<Lease, 'state'>): boolean => state !== 'dead' && state !== 'gone';

/** In the same place, the one that is bound to a port proves that its former holder is gone (decision 30). */
export const holdsItsPort = (one: LeaseDetails, other: LeaseDetails): boolean =>
  // A node may listen at another address than it is dialled at (`clusterListen`): that port is the one that counts.
  isSamePlace(one, other) && one['boundAt'] === other['boundAt'];

/**
 * Same boot of the same host, same network namespace: only there does holding a port, or the lock of a file, prove anything
 * about its former holder. Where the system names no boot id nothing is proven.
 */
export function isSamePlace(one: LeaseDetails, other: LeaseDetails): boolean {
  const {bootId, netNs} = one;
  const isNamed = typeof bootId === 'string' && bootId !== '';
  return isNamed && bootId === other['bootId'] && netNs === other['netNs'];
}
