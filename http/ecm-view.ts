/** Engine managers as the console reads them (`EMNodeVo`, contract 3.4). */
import type {EcmView} from '../actors/engine-governance.ts';
import {ecmService} from './engine-view.ts';
import {labelView, nodeResourceView, serviceInstanceView} from './resource-view.ts';

/** Hosts have no owner here: whoever may, uses them. */
const owner = 'tenon';

export function ecmLabels({instance, labels}: EcmView) {
  const own = labelView('emInstance', `${ecmService}-${instance}`, 'OPTIONAL', {
    serviceName: ecmService,
    instance,
    serviceInstance: serviceInstanceView(ecmService, instance),
  });
  const given = Object.entries(labels).map(([key, value]) =>
    labelView(key, value, 'OPTIONAL', key === 'tenant' ? {tenant: value} : {}),
  );
  return [own, ...given];
}

export const ecmNodeView = (ecm: EcmView) => ({
  labels: ecmLabels(ecm),
  applicationName: ecmService,
  instance: ecm.instance,
  ...nodeResourceView(ecm.capacity, ecm.used),
  owner,
  runningTasks: null,
  pendingTasks: null,
  succeedTasks: null,
  failedTasks: null,
  maxMemory: ecm.load?.memoryBytesTotal ?? null,
  usedMemory: ecm.load === null ? null : ecm.load.memoryBytesTotal - ecm.load.memoryBytesFree,
  systemCPUUsed: ecm.load?.cpuShare ?? null,
  systemLeftMemory: ecm.load?.memoryBytesFree ?? null,
  nodeHealthy: ecm.health,
  msg: ecm.healthReason,
  startTime: ecm.startedAt,
  description: ecm.description === '' ? null : ecm.description,
});

export const ecmOwner = owner;
