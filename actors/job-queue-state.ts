/** What an entrance's queues are told and asked, and what they know; `job-queue.ts` decides. */
import type {Heap} from './leftist-heap.ts';

export type GroupKey = {
  readonly tenant: string;
  readonly user: string;
  readonly creator: string;
  readonly engineType: string;
};

export type GroupLimits = {readonly runningMax: number; readonly waitingMax: number};
export type TenantLimits = GroupLimits & {readonly waitingBytesMax: number};

/** Asked when a group or tenant is first seen, and again for all when they have changed. */
export type QueueLimits = {
  readonly group: (key: GroupKey) => GroupLimits;
  readonly tenant: (tenant: string) => TenantLimits;
  readonly priorityAgeMs: number;
};

export type Admission =
  | {readonly type: 'admitted'}
  /** `of`: what is full, and `unit` what it counts. */
  | {
      readonly type: 'full';
      readonly of: 'group' | 'tenant';
      readonly unit: 'jobs' | 'bytes';
      readonly waiting: number;
      readonly waitingMax: number;
    };

/** What one job is told about its place; absent counts do not apply to a running one. */
export type QueuePlace = {
  readonly key: GroupKey;
  readonly isRunning: boolean;
  readonly priority: number;
  /** Jobs of its group that go before it, and those of them that do so by their priority although they came later. */
  readonly ahead: number;
  readonly aheadByPriority: number;
  readonly groupRunning: number;
  readonly groupRunningMax: number;
  readonly groupHolders: readonly number[];
  readonly tenantRunning: number;
  readonly tenantRunningMax: number;
  /** Exponential mean of how long jobs of the group ran, and of how many; 0: none has ended yet. */
  readonly meanRunMs: number;
  readonly ended: number;
};

export type GroupCommand =
  | {type: 'admit'; bytes: number; reply: (admission: Admission) => void}
  /** The reserved place is not needed after all. */
  | {type: 'withdraw'; bytes: number}
  /** `sinceMs`: since when it waits, epoch milliseconds. */
  | {
      type: 'enqueue';
      taskID: number;
      priority: number;
      sinceMs: number;
      bytes: number;
      isReserved: boolean;
    }
  /** After a restart: a job that already runs takes a slot, whatever the limit. */
  | {type: 'occupy'; taskID: number}
  /** `ranMs`: how long it ran, if it did. */
  | {type: 'leave'; taskID: number; ranMs?: number};

export type QueueCommand =
  | {type: 'group'; key: GroupKey; command: GroupCommand}
  /** The job whose turn it was is gone. */
  | {type: 'departed'; taskID: number}
  /** Answers whether it waits here, and so has this priority from now on. */
  | {type: 'setPriority'; taskID: number; priority: number; reply: (isDone: boolean) => void}
  | {type: 'setLimits'; limits: QueueLimits}
  | {type: 'explain'; taskID: number; reply: (place: QueuePlace | undefined) => void};

/** One job of this entrance. */
export type Entry = {
  readonly taskID: number;
  readonly group: Group;
  readonly priority: number;
  /** Higher goes first: the priority it would have had at time 0, less its age since then. */
  readonly score: number;
  readonly order: number;
  readonly sinceMs: number;
  readonly bytes: number;
  state: 'waiting' | 'running' | 'gone';
};

export type Group = {
  readonly key: GroupKey;
  readonly tenant: Tenant;
  limits: GroupLimits;
  heap: Heap<Entry>;
  /** Entries of the heap that wait no more; they are passed over when their turn comes, or all dropped when there are many. */
  gone: number;
  waiting: number;
  reserved: number;
  readonly running: Set<number>;
  meanRunMs: number;
  ended: number;
};

export type Tenant = {
  limits: TenantLimits;
  waiting: number;
  reserved: number;
  waitingBytes: number;
  running: number;
  /** Groups that could start a job if the tenant had a slot. */
  readonly held: Set<Group>;
};

/**
 * Owned by the machine, which changes it in place: with 100,000 jobs in 1,000 groups, copies would cost more than all
 * decisions. Others only read.
 */
export type QueueState = {
  limits: QueueLimits;
  readonly groups: Map<string, Group>;
  readonly tenants: Map<string, Tenant>;
  readonly jobs: Map<number, Entry>;
  nextOrder: number;
};

export const emptyQueue = (limits: QueueLimits): QueueState => ({
  limits,
  groups: new Map(),
  tenants: new Map(),
  jobs: new Map(),
  nextOrder: 0,
});

/** Made when it is first named. */
export function groupOf(state: QueueState, key: GroupKey): Group {
  const name = printGroup(key);
  const known = state.groups.get(name);
  if (known !== undefined) return known;
  const group: Group = {
    key,
    tenant: tenantOf(state, key.tenant),
    limits: state.limits.group(key),
    heap: undefined,
    gone: 0,
    waiting: 0,
    reserved: 0,
    running: new Set(),
    meanRunMs: 0,
    ended: 0,
  };
  state.groups.set(name, group);
  return group;
}

function tenantOf(state: QueueState, name: string): Tenant {
  const known = state.tenants.get(name);
  if (known !== undefined) return known;
  const tenant: Tenant = {
    limits: state.limits.tenant(name),
    waiting: 0,
    reserved: 0,
    waitingBytes: 0,
    running: 0,
    held: new Set(),
  };
  state.tenants.set(name, tenant);
  return tenant;
}

export const printGroup = ({tenant, user, creator, engineType}: GroupKey): string =>
  `${tenant}\n${user}\n${creator}\n${engineType}`;
