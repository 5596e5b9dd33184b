/** Records of engines as `ecinfo/*` shows them (contract 3.5). */
import type {Resources} from '../actors/engine-governance.ts';
import {printEngineLabels, type EngineRecord} from '../actors/engine-record.ts';

const load = (resources: Resources | null) =>
  resources === null
    ? null
    : {cores: resources.cores, instance: resources.instances, memory: resources.memoryBytes};
const loadText = (resources: Resources | null): string | null =>
  resources === null ? null : JSON.stringify(load(resources));

const facts = (record: EngineRecord) => ({
  id: record.id,
  createUser: record.user,
  labelValue: printEngineLabels(record),
  ticketId: record.ticketId,
  serviceInstance: record.instance,
  ecmInstance: record.ecm,
  requestTimes: 1,
  usedTimes: record.used === null ? 0 : 1,
  releaseTimes: record.released === null ? 0 : 1,
  usedTime: record.usedTime,
  createTime: record.createTime,
  releaseTime: record.releaseTime,
  logDirSuffix: record.logDirSuffix,
  status: record.status,
});

/** Of `ecinfo/get`: resources are JSON texts there. */
export const engineRecordView = (record: EngineRecord) => ({
  ...facts(record),
  usedResource: loadText(record.used),
  requestResource: loadText(record.requested),
  releasedResource: loadText(record.released),
  metrics: record.metrics,
});

/** Of the lists. */
export const listedRecordView = (record: EngineRecord) => ({
  ...facts(record),
  usedResource: load(record.used),
  requestResource: load(record.requested),
  releasedResource: load(record.released),
  engineType: record.engineType,
});
