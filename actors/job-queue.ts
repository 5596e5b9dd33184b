/**
 * The queues of an entrance: who waits, who runs, in which order, for all groups and tenants.
 *
 *   admit ─▶ (reserved) ─▶ enqueue ─▶ waiting ──group and tenant have a slot──▶ running ─▶ leave
 *
 * A group is one tenant, user, creator and engine type (Linkis' consumer group). A place is reserved before a submission's row
 * is written, so that an accepted job never finds the queue full. Within a group higher priority goes first, and waiting adds
 * to it: every `priorityAgeMs` one point, so that nobody waits for ever. Groups of a tenant that is full take its free slots in
 * turn, those with the fewest running jobs first.
 *
 * A job that leaves while it waits stays in the heap until its turn, when it is passed over: removing costs O(1).
 */
import {
  groupOf,
  type Admission,
  type Entry,
  type Group,
  type GroupCommand,
  type QueueCommand,
  type QueueLimits,
  type QueuePlace,
  type QueueState,
  type Tenant,
} from './job-queue-state.ts';
import {merge, single} from './leftist-heap.ts';
import type {Decision, Machine} from './runtime/machine.ts';

export type QueueEffect =
  | {type: 'start'; taskID: number}
  | {type: 'answer'; reply: (admission: Admission) => void; admission: Admission}
  | {type: 'tell'; tell: () => void};

export function decideQueue(state: QueueState, message: QueueCommand): Decision<QueueState, QueueEffect> {
  const effects: QueueEffect[] = [];
  switch (message.type) {
    case 'group':
      inGroup(state, groupOf(state, message.key), message.command, effects);
      break;
    case 'departed':
      leave(state, message.taskID, undefined, effects);
      break;
    case 'setPriority': {
      const isDone = setPriority(state, message.taskID, message.priority);
      effects.push({type: 'tell', tell: () => message.reply(isDone)});
      break;
    }
    case 'setLimits':
      setLimits(state, message.limits, effects);
      break;
    case 'explain': {
      const place = placeOf(state, message.taskID);
      effects.push({type: 'tell', tell: () => message.reply(place)});
      break;
    }
  }
  return {state, effects};
}

function inGroup(state: QueueState, group: Group, command: GroupCommand, effects: QueueEffect[]): void {
  switch (command.type) {
    case 'admit':
      effects.push({type: 'answer', reply: command.reply, admission: admit(group, command.bytes)});
      return;
    case 'withdraw':
      unreserve(group, command.bytes);
      return;
    case 'enqueue':
      if (command.isReserved) unreserve(group, command.bytes);
      enqueue(state, group, command);
      fill(group, effects);
      return;
    case 'occupy':
      occupy(state, group, command.taskID);
      return;
    case 'leave':
      leave(state, command.taskID, command.ranMs, effects);
      return;
  }
}

function admit(group: Group, bytes: number): Admission {
  const {tenant} = group;
  const full = (of: 'group' | 'tenant', unit: 'jobs' | 'bytes', waiting: number, waitingMax: number) =>
    ({type: 'full', of, unit, waiting, waitingMax}) as const;
  const inThis = group.waiting + group.reserved;
  if (inThis >= group.limits.waitingMax) return full('group', 'jobs', inThis, group.limits.waitingMax);
  const inTenant = tenant.waiting + tenant.reserved;
  if (inTenant >= tenant.limits.waitingMax) return full('tenant', 'jobs', inTenant, tenant.limits.waitingMax);
  // The one that finds nothing waiting gets in, whatever its size: its own limit is that of a submission.
  if (tenant.waitingBytes > 0 && tenant.waitingBytes + bytes > tenant.limits.waitingBytesMax) {
    return full('tenant', 'bytes', tenant.waitingBytes, tenant.limits.waitingBytesMax);
  }
  group.reserved += 1;
  tenant.reserved += 1;
  tenant.waitingBytes += bytes;
  return {type: 'admitted'};
}

function unreserve(group: Group, bytes: number): void {
  if (group.reserved === 0) return;
  group.reserved -= 1;
  group.tenant.reserved -= 1;
  group.tenant.waitingBytes = Math.max(0, group.tenant.waitingBytes - bytes);
}

function enqueue(
  state: QueueState,
  group: Group,
  {taskID, priority, sinceMs, bytes}: GroupCommand & {type: 'enqueue'},
): void {
  if (state.jobs.get(taskID) !== undefined) return;
  const score = priority - sinceMs / state.limits.priorityAgeMs;
  put(state, {taskID, group, priority, score, order: state.nextOrder, sinceMs, bytes, state: 'waiting'});
  state.nextOrder += 1;
  group.waiting += 1;
  group.tenant.waiting += 1;
  group.tenant.waitingBytes += bytes;
}

function put(state: QueueState, entry: Entry): void {
  state.jobs.set(entry.taskID, entry);
  entry.group.heap = merge(entry.group.heap, single(entry), goesBefore);
}

const goesBefore = (a: Entry, b: Entry): boolean =>
  a.score !== b.score ? a.score > b.score : a.order < b.order;

function occupy(state: QueueState, group: Group, taskID: number): void {
  if (state.jobs.has(taskID)) return;
  const entry = {taskID, group, priority: 0, score: 0, order: 0, sinceMs: 0, bytes: 0} as const;
  state.jobs.set(taskID, {...entry, state: 'running'});
  group.running.add(taskID);
  group.tenant.running += 1;
}

function leave(state: QueueState, taskID: number, ranMs: number | undefined, effects: QueueEffect[]): void {
  const entry = state.jobs.get(taskID);
  if (entry === undefined) return;
  state.jobs.delete(taskID);
  const {group} = entry;
  const {tenant} = group;
  if (entry.state === 'waiting') {
    stopWaiting(entry);
    abandon(state, entry);
    return;
  }
  group.running.delete(taskID);
  tenant.running -= 1;
  if (ranMs !== undefined) {
    group.ended += 1;
    group.meanRunMs += (ranMs - group.meanRunMs) / Math.min(group.ended, meanOver);
  }
  fillTenant(tenant, effects);
  fill(group, effects);
}

const meanOver = 20;

function stopWaiting({group, bytes}: Entry): void {
  group.waiting -= 1;
  group.tenant.waiting -= 1;
  group.tenant.waitingBytes = Math.max(0, group.tenant.waitingBytes - bytes);
}

/** Starts what the group may; what only its tenant holds back is remembered there. */
function fill(group: Group, effects: QueueEffect[]): void {
  while (startNext(group, effects)) {
    // Until a limit is met, or nobody waits.
  }
}

/** Whether a job was started. */
function startNext(group: Group, effects: QueueEffect[]): boolean {
  const {tenant} = group;
  while (group.heap?.item.state === 'gone') {
    dropFirst(group);
    group.gone -= 1;
  }
  if (group.heap === undefined || group.running.size >= group.limits.runningMax) {
    tenant.held.delete(group);
    return false;
  }
  if (tenant.running >= tenant.limits.runningMax) {
    tenant.held.add(group);
    return false;
  }
  const {item} = group.heap;
  dropFirst(group);
  stopWaiting(item);
  item.state = 'running';
  group.running.add(item.taskID);
  tenant.running += 1;
  effects.push({type: 'start', taskID: item.taskID});
  return true;
}

function dropFirst(group: Group): void {
  const {heap} = group;
  if (heap !== undefined) group.heap = merge(heap.left, heap.right, goesBefore);
}

/** What is left in the heap never grows beyond what waits there, or a few. */
function abandon(state: QueueState, entry: Entry): void {
  const {group} = entry;
  entry.state = 'gone';
  group.gone += 1;
  if (group.gone <= Math.max(goneMax, group.waiting)) return;
  group.gone = 0;
  group.heap = undefined;
  for (const other of state.jobs.values()) {
    if (other.group === group && other.state === 'waiting') put(state, other);
  }
}

const goneMax = 1024;

/** Free slots of a tenant go to its groups in turn, those with the fewest running jobs first. */
function fillTenant(tenant: Tenant, effects: QueueEffect[]): void {
  while (tenant.held.size > 0 && tenant.running < tenant.limits.runningMax) {
    let next: Group | undefined;
    for (const group of tenant.held) {
      if (next === undefined || group.running.size < next.running.size) next = group;
    }
    if (next === undefined) return;
    tenant.held.delete(next);
    // It may have more: then it goes to the end of the line of those with as many.
    if (startNext(next, effects)) tenant.held.add(next);
  }
}

function setPriority(state: QueueState, taskID: number, priority: number): boolean {
  const entry = state.jobs.get(taskID);
  if (entry?.state !== 'waiting') return false;
  if (entry.priority === priority) return true;
  put(state, {
    ...entry,
    priority,
    score: priority - entry.sinceMs / state.limits.priorityAgeMs,
    state: 'waiting',
  });
  abandon(state, entry);
  return true;
}

function setLimits(state: QueueState, limits: QueueLimits, effects: QueueEffect[]): void {
  state.limits = limits;
  for (const group of state.groups.values()) {
    group.limits = limits.group(group.key);
    // Some of these may start no job after all: then they are dropped again.
    if (group.waiting > 0) group.tenant.held.add(group);
  }
  for (const [name, tenant] of state.tenants) {
    tenant.limits = limits.tenant(name);
    fillTenant(tenant, effects);
  }
}

function placeOf({jobs}: QueueState, taskID: number): QueuePlace | undefined {
  const entry = jobs.get(taskID);
  if (entry === undefined) return undefined;
  const {group} = entry;
  const isRunning = entry.state === 'running';
  let ahead = 0;
  let aheadByPriority = 0;
  if (!isRunning) {
    for (const other of jobs.values()) {
      if (other.group !== group || other.state !== 'waiting' || other === entry) continue;
      if (!goesBefore(other, entry)) continue;
      ahead += 1;
      if (other.sinceMs > entry.sinceMs) aheadByPriority += 1;
    }
  }
  return {
    key: group.key,
    isRunning,
    priority: entry.priority,
    ahead,
    aheadByPriority,
    groupRunning: group.running.size,
    groupRunningMax: group.limits.runningMax,
    groupHolders: [...group.running].slice(0, holdersMax),
    tenantRunning: group.tenant.running,
    tenantRunningMax: group.tenant.limits.runningMax,
    meanRunMs: group.meanRunMs,
    ended: group.ended,
  };
}

const holdersMax = 10;

export type QueueDependencies = {
  readonly state: QueueState;
  /** Tells the job it is its turn; false when there is no such job any more. */
  readonly start: (taskID: number) => boolean;
};

export function jobQueue({state, start}: QueueDependencies): Machine<QueueState, QueueCommand, QueueEffect> {
  return {
    initial: state,
    decide: decideQueue,
    perform(effect, {self}) {
      switch (effect.type) {
        case 'start':
          if (!start(effect.taskID)) self.tell({type: 'departed', taskID: effect.taskID});
          return;
        case 'answer':
          return effect.reply(effect.admission);
        case 'tell':
          return effect.tell();
      }
    },
  };
}
