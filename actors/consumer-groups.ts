/** The consumer groups of a node, as the entrance and its jobs use them: one actor keeps the queues of all. */
import {groupNameOf, type JobSpec} from './domain/job.ts';
import type {QuotaSource} from './engine-governance.ts';
import type {Governance} from './governance.ts';
import {jobQueue} from './job-queue.ts';
import {
  emptyQueue,
  printGroup,
  type GroupCommand,
  type GroupKey,
  type QueueLimits,
  type QueuePlace,
} from './job-queue-state.ts';
import type {ActorFailure} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';
import {nextUid} from './runtime/uid.ts';
import type {ActorSystem} from './runtime/system.ts';

export type GroupSpec = Pick<JobSpec, 'creator' | 'executeUser' | 'engineType' | 'tenant'>;

export type ConsumerGroups = {
  readonly of: (spec: GroupSpec) => Ref<GroupCommand>;
  readonly load: Governance['load'];
  readonly setLimits: (limits: QueueLimits) => void;
  /** False: it does not wait here. */
  readonly setPriority: (taskID: number, priority: number) => Promise<boolean>;
  readonly placeOf: (taskID: number) => Promise<QueuePlace | undefined>;
};

export type ConsumerGroupsDependencies = {
  readonly system: ActorSystem;
  readonly limits: QueueLimits;
  /** It is that job's turn: false when there is no such job any more. */
  readonly start: (taskID: number) => boolean;
  readonly onFailure: (failure: ActorFailure) => void;
};

const mailboxMax = 400_000;

export function createConsumerGroups(dependencies: ConsumerGroupsDependencies): ConsumerGroups {
  const {system, limits, start, onFailure} = dependencies;
  const state = emptyQueue(limits);
  const queue = system.spawn('job-queue', jobQueue({state, start}), {mailboxMax, onFailure});
  const refs = new Map<string, Ref<GroupCommand>>();

  /** To a node that leaves nobody answers any more. */
  const ask = <Answer>(
    send: (reply: (answer: Answer) => void) => boolean,
    otherwise: Answer,
  ): Promise<Answer> =>
    new Promise(resolve => {
      if (!send(resolve)) resolve(otherwise);
    });

  return {
    of({tenant, executeUser, creator, engineType}) {
      const key: GroupKey = {tenant, user: executeUser, creator, engineType: engineType.type};
      const name = printGroup(key);
      const known = refs.get(name);
      if (known !== undefined) return known;
      const ref: Ref<GroupCommand> = {
        path: queue.path,
        uid: nextUid(),
        tell: command => queue.tell({type: 'group', key, command}),
      };
      refs.set(name, ref);
      return ref;
    },
    load: () =>
      [...state.groups.values()].map(({key: {tenant, user, creator, engineType}, running, waiting}) => ({
        group: groupNameOf({creator, executeUser: user, engineType: {type: engineType, version: ''}}),
        tenant,
        user,
        creator,
        engineType,
        running: running.size,
        queued: waiting,
      })),
    setLimits: changed => void queue.tell({type: 'setLimits', limits: changed}),
    setPriority: (taskID, priority) =>
      ask<boolean>(reply => queue.tell({type: 'setPriority', taskID, priority, reply}), false),
    placeOf: taskID =>
      ask<QueuePlace | undefined>(reply => queue.tell({type: 'explain', taskID, reply}), undefined),
  };
}

export const queueLimitsOf = ({quotaOf, tenantQuotaOf}: QuotaSource): QueueLimits => ({
  group: quotaOf,
  tenant: tenantQuotaOf,
  priorityAgeMs,
});
/** A minute of waiting counts as much as one point of priority. */
const priorityAgeMs = 60_000;
