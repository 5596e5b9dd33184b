/** What the ECM answers about its engines and its host: carries out what `ecm-inspection.ts` decides. */
import {capacityOfEcm, reservedTotal} from './ecm-admission.ts';
import {entryOf, reservedOf, type HeldEngine} from './ecm-engine.ts';
import {engineCount} from './ecm-holdings.ts';
import type {EcmEffect, EcmState} from './ecm-messages.ts';
import type {HostView} from './ecm-port.ts';
import type {EcmListing, EcmReply, EngineUsage} from './ecm-protocol.ts';
import {NotMeasuredError} from './ecm-refusals.ts';
import {toFailure} from './domain/errors.ts';
import type {KillReceipt} from './engine-governance.ts';
import type {Ref} from './runtime/ref.ts';

type Effect<Type extends EcmEffect['type']> = Extract<EcmEffect, {type: Type}>;

export type EcmReports = {
  readonly listing: (state: EcmState) => EcmListing;
  readonly terminate: (effect: Effect<'terminate'>) => void;
  readonly inspect: (effect: Effect<'inspect'>) => void;
  readonly readLog: (effect: Effect<'readLog'>) => void;
};

/** `host`: undefined where engines are no processes; then there are no figures, and no logs. */
export function ecmReports(host: HostView | undefined, instance: string): EcmReports {
  async function receiptOf({engine, command}: Effect<'terminate'>): Promise<KillReceipt> {
    const {engineId, graceMs} = command;
    const returned = reservedOf(engine);
    const receipt = await host?.terminate(engineId, graceMs);
    if (receipt !== undefined) return {...receipt, returned};
    await engine.handle.shutdown(graceMs);
    return {signals: [], processesEnded: 0, pids: [], tookMs: 0, returned};
  }

  async function metricsOf(engineId: string) {
    const metrics = await host?.measure(engineId);
    if (metrics === undefined) throw new NotMeasuredError(engineId, instance);
    return metrics;
  }

  const usageOf = (engine: HeldEngine): EngineUsage => {
    const {engineId} = engine.handle;
    return {engineId, reserved: reservedOf(engine), metrics: host?.metrics(engineId) ?? null};
  };

  return {
    listing(state) {
      const {self, engineTypes, enginesMax, startedAt} = state.settings;
      const {health, reason, load} = state.health;
      return {
        ecm: self,
        engineTypes,
        engineCount: engineCount(state),
        enginesMax,
        engines: [...state.engines.values()].map(engine => {
          const metrics = host?.metrics(engine.handle.engineId);
          return {...entryOf(engine), ...(metrics === undefined ? {} : {metrics})};
        }),
        capacity: capacityOfEcm(state),
        reserved: reservedTotal(state),
        health,
        healthReason: reason,
        ...(load === undefined ? {} : {load}),
        ...(startedAt === undefined ? {} : {startedAt}),
        description: state.description,
      };
    },
    terminate: effect => answer(receiptOf(effect), effect.command.replyTo),
    inspect({engines, command}) {
      if (command.type === 'getEngineMetrics') answer(metricsOf(command.engineId), command.replyTo);
      else command.replyTo.tell({ok: true, value: engines.map(usageOf)});
    },
    readLog({command: {engineId, request, replyTo}, absent}) {
      const reading = host?.engineLog(engineId, request) ?? Promise.resolve(undefined);
      reading.then(
        page => replyTo.tell(page === undefined ? {ok: false, failure: absent} : {ok: true, value: page}),
        (error: unknown) => replyTo.tell({ok: false, failure: toFailure(error)}),
      );
    },
  };
}

/** Tells whoever asked how it came out. */
export function answer<Value>(settling: Promise<Value>, to: Ref<EcmReply<Value>>): void {
  void settling.then(
    value => to.tell({ok: true, value}),
    (error: unknown) => to.tell({ok: false, failure: toFailure(error)}),
  );
}
