/** Engines as Linkis' manager shows them: as a node (`AMEngineNode`), and as its console reads them (`AMEngineNodeVo`). */
import type {EngineMetrics, EngineView, Resources} from '../actors/engine-governance.ts';
import {labelView, loadView, nodeResourceView, noResources, serviceInstanceView} from './resource-view.ts';

export const engineService = 'linkis-cg-engineconn';
export const ecmService = 'linkis-cg-engineconnmanager';

/** What an engine that is still starting has reserved counts as locked, as in Linkis. */
export const usedBy = ({status, reserved}: EngineView): Resources =>
  status === 'Starting' ? noResources : reserved;
const lockedBy = ({status, reserved}: EngineView): Resources =>
  status === 'Starting' ? reserved : noResources;

export function engineLabels({engineType, version, user, creator, tenant, instance}: EngineView) {
  const labels = [
    labelView('engineType', `${engineType}-${version}`, 'CORE', {engineType, version}),
    labelView('userCreator', `${user}-${creator}`, 'CORE', {user, creator}),
    labelView('engineInstance', `${engineService}-${instance}`, 'OPTIONAL', {
      serviceName: engineService,
      instance,
      serviceInstance: serviceInstanceView(engineService, instance),
    }),
  ];
  return tenant === '' ? labels : [...labels, labelView('tenant', tenant, 'OPTIONAL', {tenant})];
}

const tasksOf = ({taskID}: EngineView) => ({
  runningTasks: taskID === null ? 0 : 1,
  pendingTasks: 0,
  succeedTasks: null,
  failedTasks: null,
});

const overloadOf = (metrics: EngineMetrics | null, {memoryBytes}: Resources) => ({
  maxMemory: memoryBytes,
  usedMemory: metrics?.rssBytes ?? null,
  systemCPUUsed: metrics?.cpuShare ?? null,
  systemLeftMemory: null,
});

/** Of `listUserEngines` and `getEngineConn`. */
export const engineNodeView = (engine: EngineView) => ({
  emnode: {serviceInstance: serviceInstanceView(ecmService, engine.ecm)},
  nodeStatus: engine.status,
  lock: null,
  labels: engineLabels(engine),
  serviceInstance: serviceInstanceView(engineService, engine.instance),
  nodeResource: nodeResourceView(engine.reserved, usedBy(engine), lockedBy(engine)),
  owner: engine.user,
  mark: 'process',
  identifier: engine.pid === null ? null : String(engine.pid),
  nodeTaskInfo: {tasks: engine.taskID === null ? 0 : 1, ...tasksOf(engine)},
  nodeOverLoadInfo: overloadOf(engine.metrics, engine.reserved),
  nodeHealthyInfo: {nodeHealthy: engine.health, msg: ''},
  startTime: engine.startedAt,
  updateTime: engine.updatedAt,
  ticketId: engine.engineId,
  ecMetrics: metricsText(engine),
  nodeDescription: null,
  params: null,
  score: null,
});

/** JSON text, or null while nothing was measured. */
export const metricsText = ({metrics, jobCount, taskID}: EngineView): string | null =>
  metrics === null ? null : JSON.stringify({...metrics, jobCount, taskID});

/** Of `listEMEngines`. */
export const emEngineView = (engine: EngineView) => {
  const {maxResource, minResource, ...resource} = nodeResourceView(
    engine.reserved,
    usedBy(engine),
    lockedBy(engine),
  );
  return {
    emInstance: engine.ecm,
    nodeStatus: engine.status,
    lock: null,
    labels: engineLabels(engine),
    applicationName: engineService,
    instance: engine.instance,
    ...resource,
    // Linkis calls the cores of these two `core`.
    maxResource: {...maxResource, core: maxResource.cores},
    minResource: {...minResource, core: minResource.cores},
    owner: engine.user,
    ...tasksOf(engine),
    ...overloadOf(engine.metrics, engine.reserved),
    nodeHealthy: engine.health,
    msg: '',
    startTime: engine.startedAt,
    engineType: engine.engineType,
    mappingPorts: null,
    mappingHost: null,
    ticketId: engine.engineId,
  };
};

/** Of `rm/applicationlist` and `rm/engines`: the resource in the form of a load. */
export const engineLoadView = (engine: EngineView) => ({
  resourceType: 'LoadInstance',
  usedResource: loadView(usedBy(engine)),
});
