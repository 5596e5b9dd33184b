/**
 * Who has a job: its row says which node owns it, the receptionist whether that node can be reached. What was read is
 * remembered for a few seconds, and forgotten when the node says otherwise, or when somebody hears that its jobs move.
 */
import {parseOwner, type Owner} from './domain/owner.ts';
import {entranceKey, type EntranceMessage} from './entrance-protocol.ts';
import {DatabaseAwayError, type JobStore, type StoredJob} from './ports.ts';
import type {Clock} from './runtime/clock.ts';
import type {Receptionist} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';

export type JobPlace =
  | {readonly type: 'none'}
  /** This node has it, or its former life had. */
  | {readonly type: 'here'; readonly owner: Owner; readonly stored?: StoredJob}
  | {
      readonly type: 'there';
      readonly owner: Owner;
      readonly entrance: Ref<EntranceMessage>;
      readonly stored?: StoredJob;
    }
  /** Its owner can't be reached. */
  | {readonly type: 'away'; readonly owner: Owner; readonly isAlive: boolean; readonly stored: StoredJob};

export type JobOwners = {
  /** As remembered, or as the row says. Rejects with `DatabaseAwayError` when neither is to be had. */
  readonly locate: (taskID: number) => Promise<JobPlace>;
  /** As the row says now. Rejects with `DatabaseAwayError`. */
  readonly look: (taskID: number) => Promise<JobPlace>;
  readonly remember: (taskID: number, owner: Owner) => void;
  readonly forget: (taskID: number) => void;
  /** The entrance of that node; undefined while it can't be reached. */
  readonly entranceOf: (instance: string) => Ref<EntranceMessage> | undefined;
  /** Resolves after `limitMs`, or as soon as an entrance came, went, or jobs have changed their owner. */
  readonly changed: (limitMs: number) => Promise<void>;
  /** Calls `listener` at each such change; with the instance whose jobs have moved, if that is what happened. */
  readonly onChange: (listener: (moved?: string) => void) => () => void;
  readonly close: () => void;
};

export type JobOwnersDependencies = {
  readonly receptionist: Receptionist;
  readonly store: Pick<JobStore, 'get'>;
  readonly self: Omit<Owner, 'epoch'>;
  /** Whether this node has an entrance of its own. */
  readonly isEntrance: boolean;
  /** Known without a look at the row: this node has the job in memory. */
  readonly isLive: (taskID: number) => boolean;
  readonly isAlive: (owner: Owner) => boolean;
  /** Calls the listener when jobs of `instance` may have another owner: it was declared dead, or has handed over. */
  readonly onOwnerChange: (listener: (instance: string) => void) => () => void;
  readonly clock: Clock;
};

type Remembered = {readonly owner: Owner; readonly atMs: number};

const freshMs = 5000;
const rememberedMax = 20_000;

export function createJobOwners(dependencies: JobOwnersDependencies): JobOwners {
  const {receptionist, store, self, isEntrance, isLive, isAlive, onOwnerChange, clock} = dependencies;
  /** The longest known first. */
  const known = new Map<number, Remembered>();
  const listeners = new Set<(moved?: string) => void>();
  const own: Owner = {...self, epoch: 0};

  const entranceOf = (instance: string): Ref<EntranceMessage> | undefined =>
    receptionist.find(entranceKey, instance);

  const announce = (moved?: string): void => {
    for (const listener of listeners) listener(moved);
  };
  const endings = [
    receptionist.onChange(entranceKey, () => announce()),
    onOwnerChange(moved => {
      for (const [taskID, {owner}] of known) if (owner.instance === moved) known.delete(taskID);
      announce(moved);
    }),
  ];

  function remember(taskID: number, owner: Owner): void {
    known.delete(taskID);
    known.set(taskID, {owner, atMs: clock.monotonicMs()});
    for (const oldest of known.keys()) {
      if (known.size <= rememberedMax) break;
      known.delete(oldest);
    }
  }

  function reachable(owner: Owner): Exclude<JobPlace, {type: 'none' | 'away'}> | undefined {
    if (isEntrance && owner.instance === self.instance) return {type: 'here', owner};
    const entrance = owner.instance === self.instance ? undefined : entranceOf(owner.instance);
    return entrance && {type: 'there', owner, entrance};
  }

  async function look(taskID: number): Promise<JobPlace> {
    const stored = await store.get(taskID);
    if (stored === undefined) return {type: 'none'};
    const owner = parseOwner(stored.row.instances);
    remember(taskID, owner);
    const place = reachable(owner);
    return place === undefined ? {type: 'away', owner, isAlive: isAlive(owner), stored} : {...place, stored};
  }

  async function locate(taskID: number): Promise<JobPlace> {
    if (isEntrance && isLive(taskID)) return {type: 'here', owner: own};
    const remembered = known.get(taskID);
    if (remembered !== undefined && clock.monotonicMs() - remembered.atMs < freshMs) {
      const place = reachable(remembered.owner);
      if (place !== undefined) return place;
    }
    try {
      return await look(taskID);
    } catch (error) {
      if (!(error instanceof DatabaseAwayError)) throw error;
      // Running jobs are served without the database, by whoever has them.
      const place = remembered && reachable(remembered.owner);
      if (place !== undefined) return place;
      if (isEntrance) return {type: 'here', owner: own};
      throw error;
    }
  }

  return {
    locate,
    look,
    remember,
    forget: taskID => void known.delete(taskID),
    entranceOf,
    changed: limitMs =>
      new Promise(resolve => {
        const done = (): void => {
          cancel();
          listeners.delete(done);
          resolve();
        };
        const cancel = clock.after(limitMs, done);
        listeners.add(done);
      }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      for (const end of endings) end();
      // Whoever waits looks once more, and finds what there is.
      announce();
    },
  };
}

/** Whether that is this very life of this node. */
export const isSameLife = (owner: Owner, self: Omit<Owner, 'epoch'>): boolean =>
  owner.instance === self.instance && owner.incarnation === self.incarnation;
