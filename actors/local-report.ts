/** What a node that stands alone tells its own manager: the engines of its pool, and how many there may be. */
import type {EngineLimitSettings} from './fixed-quotas.ts';
import {unlimited} from './fixed-quotas.ts';
import type {PooledEngine} from './engine-pool-state.ts';
import type {EcmReport} from './manager-protocol.ts';

export const localReport = (
  engines: ReadonlyMap<string, PooledEngine>,
  {instance}: {readonly instance: string},
  engineTypes: readonly string[],
  {enginesMax, enginesPerUserMax}: EngineLimitSettings,
): EcmReport => ({
  instance,
  engineTypes,
  labels: {},
  capacity: {...unlimited, instances: enginesMax},
  enginesPerUserMax,
  health: 'Healthy',
  healthReason: '',
  engines: [...engines].map(([engineId, {key, reserved, taskID}]) => ({
    engineId,
    key,
    resources: reserved,
    entrance: instance,
    ...(taskID === undefined ? {} : {taskID}),
  })),
});
