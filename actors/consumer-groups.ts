/** The consumer groups of a node: one queue for each creator, user and engine type, made when its first job comes. */
import {consumerGroup, type GroupCommand, type GroupLimits} from './consumer-group.ts';
import {groupNameOf, type JobSpec} from './domain/job.ts';
import type {Governance} from './governance.ts';
import type {ActorFailure} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

type GroupSpec = Pick<JobSpec, 'creator' | 'executeUser' | 'engineType'>;

export type ConsumerGroups = {
  readonly of: (spec: GroupSpec) => Ref<GroupCommand>;
  readonly load: Governance['load'];
};

export type ConsumerGroupsDependencies = {
  readonly system: ActorSystem;
  readonly limits: GroupLimits;
  /** It is that job's turn: false when there is no such job any more. */
  readonly start: (taskID: number) => boolean;
  readonly onFailure: (failure: ActorFailure) => void;
};

type Group = {readonly ref: Ref<GroupCommand>; readonly spec: GroupSpec; waiting: number; running: number};

const mailboxMax = 200_000;

export function createConsumerGroups(dependencies: ConsumerGroupsDependencies): ConsumerGroups {
  const {system, limits, start, onFailure} = dependencies;
  const actors = system.group('groups');
  const groups = new Map<string, Group>();
  return {
    of(spec) {
      const name = groupNameOf(spec);
      const known = groups.get(name);
      if (known !== undefined) return known.ref;
      const {creator, executeUser, engineType} = spec;
      const machine = consumerGroup({
        limits,
        start,
        show(waiting, running) {
          group.waiting = waiting;
          group.running = running;
        },
      });
      const ref = actors.spawn(name, machine, {mailboxMax, onFailure});
      const group: Group = {ref, spec: {creator, executeUser, engineType}, waiting: 0, running: 0};
      groups.set(name, group);
      return ref;
    },
    load: () =>
      [...groups].map(([group, {spec, running, waiting}]) => ({
        group,
        user: spec.executeUser,
        creator: spec.creator,
        engineType: spec.engineType.type,
        running,
        queued: waiting,
      })),
  };
}
