/** The ledger against what there is: each reservation has its engine, each engine its reservation (G5). */
import type {LedgerCheck} from './engine-governance.ts';
import type {ResourceReport} from './manager-protocol.ts';

/** `engineIds`: what the ECMs have, asked after the report was made. */
export function checkLedger(
  {instance, fence, engines, drift, healed}: ResourceReport,
  engineIds: readonly string[],
): LedgerCheck {
  const live = new Set(engineIds);
  const reserved = new Set(engines.map(({engineId}) => engineId));
  return {
    manager: instance,
    fence,
    reservations: engines.length,
    drift,
    missing: engines
      .filter(({phase, engineId}) => phase === 'live' && !live.has(engineId))
      .map(({engineId}) => engineId),
    unknown: engineIds.filter(engineId => !reserved.has(engineId)),
    healed,
  };
}
