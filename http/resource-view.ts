/** Resources, labels and instances as Linkis' manager writes them (contract 3.3). */
import {modifiableLabelKeys} from '../actors/instance-label.ts';
import type {Resources} from '../actors/engine-governance.ts';

export const noResources: Resources = {memoryBytes: 0, cores: 0, instances: 0};

/** `LoadInstance`, with both spellings of the number of engines. */
export const loadView = ({memoryBytes, cores, instances}: Resources) => ({
  memory: memoryBytes,
  cores,
  instances,
  instance: instances,
});

/** A node's resource, for what has `max` and uses some of it. */
export const nodeResourceView = (max: Resources, used: Resources, locked: Resources = noResources) => ({
  resourceType: 'LoadInstance',
  maxResource: loadView(max),
  minResource: loadView(noResources),
  usedResource: loadView(used),
  lockedResource: loadView(locked),
  expectedResource: loadView(noResources),
  leftResource: loadView(leftOf(max, used, locked)),
});

export const leftOf = (max: Resources, used: Resources, locked: Resources = noResources): Resources => ({
  memoryBytes: Math.max(0, max.memoryBytes - used.memoryBytes - locked.memoryBytes),
  cores: Math.max(0, max.cores - used.cores - locked.cores),
  instances: Math.max(0, max.instances - used.instances - locked.instances),
});

/** The fullest of memory, cores and instances, 0 … 1; what has no limit is never full. */
export function shareOf(used: Resources, max: Resources): number {
  const shares = [
    [used.memoryBytes, max.memoryBytes],
    [used.cores, max.cores],
    [used.instances, max.instances],
  ].map(([part = 0, whole = 0]) => (whole > 0 && Number.isFinite(whole) ? part / whole : 0));
  return Math.min(1, Math.max(...shares));
}

export const serviceInstanceView = (applicationName: string, instance: string) => ({
  applicationName,
  instance,
  registryTimestamp: 0,
  mappingPorts: null,
  mappingHost: null,
});

/** As Linkis prints it in messages. */
export const printServiceInstance = (applicationName: string, instance: string): string =>
  `ServiceInstance(${applicationName}, ${instance}, 0)`;

/** `parts`: what the label's own accessors add to its JSON. */
export const labelView = (
  labelKey: string,
  stringValue: string,
  feature: 'CORE' | 'OPTIONAL',
  parts: Readonly<Record<string, unknown>> = {},
) => ({
  labelKey,
  feature,
  featureKey: 'feature',
  empty: stringValue === '',
  stringValue,
  modifiable: modifiableLabelKeys.includes(labelKey),
  ...parts,
});
