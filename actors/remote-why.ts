/** Why a job waits, and its priority, asked of the entrance that owns it. */
import type {EntranceAsker} from './entrance-asker.ts';
import type {Gate} from './gate.ts';
import type {Governance, JobWhy} from './governance.ts';
import {instanceOf} from './domain/owner.ts';
import {isTerminal} from './domain/job.ts';
import {readMetrics} from './domain/metrics.ts';
import type {JobOwners} from './job-owners.ts';
import type {StoredJob} from './ports.ts';
import {remoteEntrance} from './remote-entrance.ts';
import {isUnreached} from './remote-unreached.ts';

export type RemoteWhyDependencies = {
  readonly owners: Pick<JobOwners, 'locate' | 'forget'>;
  readonly local: Governance | undefined;
  readonly system: EntranceAsker;
};

export function createRemoteWhy({
  owners,
  local,
  system,
}: RemoteWhyDependencies): Pick<Governance, 'why' | 'setPriority'> {
  return {
    async why(taskID) {
      const place = await owners.locate(taskID);
      switch (place.type) {
        case 'none':
          return undefined;
        case 'here':
          return local?.why(taskID);
        case 'away':
          return rowWhy(place.stored);
        case 'there': {
          const {owner, entrance, stored} = place;
          try {
            return await remoteEntrance(system, owner.instance, entrance).why(taskID);
          } catch (error) {
            if (!isUnreached(error) || stored === undefined) throw error;
            owners.forget(taskID);
            return rowWhy(stored);
          }
        }
      }
    },
    async setPriority(taskID, priority) {
      const place = await owners.locate(taskID);
      if (place.type === 'here') return (await local?.setPriority(taskID, priority)) ?? false;
      if (place.type !== 'there') return false;
      return remoteEntrance(system, place.owner.instance, place.entrance).setPriority(taskID, priority);
    },
  };
}

/** Nobody can be asked: what its row says, and that its owner is away. */
function rowWhy({row, facts}: StoredJob): JobWhy {
  const {waits = {}, runMs} = readMetrics(row.metrics);
  const known = Object.entries(waits).map(([cause, ms]) => ({cause, ms}));
  return {
    taskID: row.id,
    status: row.status,
    priority: facts.priority,
    gates: isTerminal(row.status) ? [] : [ownerAway(instanceOf(row.instances))],
    timeline: runMs === undefined ? known : [...known, {cause: 'run', ms: runMs}],
  };
}

const ownerAway = (instance: string): Gate => ({
  gate: 'route',
  unit: 'entrances',
  value: 0,
  limit: 1,
  holders: [{who: `entrance ${instance}`, holds: 1}],
  what: `Its entrance ${instance} can't be reached, and nobody has taken the job over yet.`,
  opens: 'That entrance comes back, or its lease lapses and another entrance for the same route takes over.',
});
