/** What the manager answers when it is asked for what it knows. */
import {accountOf, drift, usedOf, type Reservation} from './ledger.ts';
import type {NodeMetrics, ReservedEngine, ResourceReport} from './manager-protocol.ts';
import type {ManagerState} from './manager-state.ts';

export const viewOf = ({
  engineId,
  key,
  ecm,
  entrance,
  resources,
  phase,
  taskID,
}: Reservation): ReservedEngine => ({
  engineId,
  key,
  ecm,
  entrance,
  resources,
  phase,
  ...(taskID === undefined ? {} : {taskID}),
});

export function metricsOf({ecms, ledger}: ManagerState, wanted: string): readonly NodeMetrics[] {
  return [...ecms.values()]
    .filter(({instance}) => wanted === '' || wanted === instance)
    .map(({instance, health, healthReason, capacity, load}) => ({
      instance,
      health,
      healthReason,
      capacity,
      used: usedOf(ledger, accountOf('ecm', instance)),
      ...(load === undefined ? {} : {load}),
    }));
}

export function reportOf(state: ManagerState): ResourceReport {
  const {settings, ledger, entrances, healed} = state;
  return {
    instance: settings.instance,
    fence: settings.fence,
    engines: [...ledger.reservations.values()].map(viewOf),
    loads: [...entrances.values()].flatMap(({load}) => load),
    drift: drift(ledger),
    healed,
  };
}
