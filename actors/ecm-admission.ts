/**
 * Whether an ECM starts one more engine: it keeps its own account of what its engines have reserved, whatever a manager
 * believes, and obeys the latest manager alone. Pure.
 */
import {reservedOf, type HeldEngine} from './ecm-engine.ts';
import {EcmFullError} from './ecm-errors.ts';
import {capacityOf, mayStartEngines} from './ecm-health.ts';
import {engineCount, isSpare} from './ecm-holdings.ts';
import type {EcmState, LaunchCommand} from './ecm-messages.ts';
import {EcmOverCommittedError, EcmUnfitError, StaleManagerError} from './ecm-refusals.ts';
import type {LinkisError} from './domain/errors.ts';
import type {Resources} from './engine-governance.ts';

export type Admission =
  /** `spares` wait for nobody in particular, and make way. */
  | {readonly type: 'admitted'; readonly state: EcmState; readonly spares: readonly HeldEngine[]}
  | {readonly type: 'refused'; readonly state: EcmState; readonly error: LinkisError};

/** `state` has heard of the manager in any case. */
export function admit(before: EcmState, {launch}: LaunchCommand): Admission {
  const {instance} = before.settings.self;
  const stale = staleness(before, launch.fence);
  if (stale !== undefined) return {type: 'refused', state: before, error: stale};
  const state = withFence(before, launch.fence);
  const {health, reason} = state.health;
  if (!mayStartEngines(state.health)) {
    return {type: 'refused', state, error: new EcmUnfitError(instance, health, reason)};
  }
  const wanted = reservedOf({origin: launch});
  const capacity = capacityOfEcm(state);
  const spares: HeldEngine[] = [];
  let left = reservedTotal(state);
  // What nobody owns can make room; if all of it is not enough, nobody is ended in vain.
  const idle = [...state.engines.values()].filter(isSpare);
  while (!fits(left, wanted, capacity)) {
    const spare = idle.shift();
    if (spare === undefined) {
      const error =
        left.instances + wanted.instances > capacity.instances
          ? new EcmFullError(instance, left.instances, capacity.instances)
          : new EcmOverCommittedError(instance, wanted, left, capacity);
      return {type: 'refused', state, error};
    }
    spares.push(spare);
    left = minus(left, reservedOf(spare));
  }
  return {type: 'admitted', state, spares};
}

/** Why an order with that fence is not obeyed; undefined if it is. */
export function staleness({fence: highest, settings}: EcmState, fence: number | undefined) {
  return fence === undefined || fence >= highest
    ? undefined
    : new StaleManagerError(settings.self.instance, fence, highest);
}

export const withFence = (state: EcmState, fence = 0): EcmState =>
  fence > state.fence ? {...state, fence} : state;

export function capacityOfEcm({settings, health}: EcmState): Resources {
  const {enginesMax, limits} = settings;
  return limits === undefined
    ? {memoryBytes: Number.MAX_SAFE_INTEGER, cores: Number.MAX_SAFE_INTEGER, instances: enginesMax}
    : capacityOf({...limits, enginesMax}, health.load);
}

/** Of living engines and those being launched. */
export function reservedTotal(state: EcmState): Resources {
  const alive = [...state.engines.values()].filter(({exited}) => exited === undefined);
  const starting = [...state.launching.values()].map(({command}) => ({origin: command.launch}));
  const sum = [...alive, ...starting].map(reservedOf).reduce(plus, nothing);
  return {...sum, instances: engineCount(state)};
}

const nothing: Resources = {memoryBytes: 0, cores: 0, instances: 0};

const plus = (one: Resources, other: Resources): Resources => ({
  memoryBytes: one.memoryBytes + other.memoryBytes,
  cores: one.cores + other.cores,
  instances: one.instances + other.instances,
});

const minus = (one: Resources, other: Resources): Resources => ({
  memoryBytes: one.memoryBytes - other.memoryBytes,
  cores: one.cores - other.cores,
  instances: one.instances - other.instances,
});

/** What is not asked for may be used up: an engine that reserves no memory is not refused for want of it. */
function fits(used: Resources, wanted: Resources, capacity: Resources): boolean {
  const has = (name: keyof Resources): boolean =>
    wanted[name] === 0 || used[name] + wanted[name] <= capacity[name];
  return has('memoryBytes') && has('cores') && has('instances');
}
