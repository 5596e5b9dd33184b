/** Who has how much of which engines, against which quota: from what the manager reports and the quotas say. */
import {defaultVersionOf} from './domain/engine-version.ts';
import type {QuotaSource, Resources, ResourceUse} from './engine-governance.ts';
import type {GroupLoad, ResourceReport} from './manager-protocol.ts';

type Sum = {memoryBytes: number; cores: number; instances: number};
type Use = {
  readonly user: string;
  readonly creator: string;
  readonly engineType: string;
  readonly tenant: string;
  readonly used: Sum;
  readonly locked: Sum;
  runningJobs: number;
  queuedJobs: number;
};

const nothing = (): Sum => ({memoryBytes: 0, cores: 0, instances: 0});

/** One row for each user, creator, engine type and tenant with an engine or a job. */
export function resourceUsesOf(
  {engines, loads}: Pick<ResourceReport, 'engines' | 'loads'>,
  {quotaOf}: Pick<QuotaSource, 'quotaOf'>,
): readonly ResourceUse[] {
  const uses = new Map<string, Use>();
  const useOf = ({
    user,
    creator,
    engineType,
    tenant = '',
  }: Pick<GroupLoad, 'user' | 'creator' | 'engineType' | 'tenant'>): Use => {
    const name = `${user}\n${creator}\n${engineType}\n${tenant}`;
    const known = uses.get(name);
    if (known !== undefined) return known;
    const made: Use = {
      user,
      creator,
      engineType,
      tenant,
      used: nothing(),
      locked: nothing(),
      runningJobs: 0,
      queuedJobs: 0,
    };
    uses.set(name, made);
    return made;
  };
  for (const {key, resources, phase} of engines) {
    const use = useOf(key);
    add(phase === 'live' ? use.used : use.locked, resources);
  }
  for (const load of loads) {
    if (load.running + load.queued === 0) continue;
    const use = useOf(load);
    use.runningJobs += load.running;
    use.queuedJobs += load.queued;
  }
  return [...uses.values()]
    .map(use => ({...use, version: defaultVersionOf(use.engineType), max: quotaOf(use).max}))
    .toSorted((a, b) => `${a.user}\n${a.creator}`.localeCompare(`${b.user}\n${b.creator}`));
}

function add(sum: Sum, {memoryBytes, cores, instances}: Resources): void {
  sum.memoryBytes += memoryBytes;
  sum.cores += cores;
  sum.instances += instances;
}
