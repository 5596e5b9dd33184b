/** Which ECMs there are and what they have: one question to each serves all who ask within half a second. */
import type {EcmCommand, EcmListing, EcmReply} from './ecm-protocol.ts';
import {ecmKey} from './ecm-service-key.ts';
import type {Clock} from './runtime/clock.ts';
import type {Receptionist} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

/** An ECM within reach. */
export type EcmPlace = {readonly instance: string; readonly ref: Ref<EcmCommand>};
export type ListedEcm = EcmPlace & {readonly listing: EcmListing};

export type EcmMap = {
  readonly at: (instance: string) => EcmPlace | undefined;
  /** Those that answered; never rejects. */
  readonly listed: () => Promise<readonly ListedEcm[]>;
  /** Which of them have the engine: more than one while one of them has not noticed yet that it lost it. */
  readonly holding: (engineId: string) => Promise<readonly EcmPlace[]>;
};

const freshMs = 500;
const askMs = 2000;

export function createEcmMap({
  receptionist,
  system,
  clock,
}: {
  readonly receptionist: Receptionist;
  readonly system: Pick<ActorSystem, 'ask'>;
  readonly clock: Clock;
}): EcmMap {
  let latest: {readonly atMs: number; readonly listed: Promise<readonly ListedEcm[]>} | undefined;

  async function ask(instance: string, ref: Ref<EcmCommand>): Promise<ListedEcm | undefined> {
    try {
      const reply = await system.ask<EcmCommand, EcmReply<EcmListing>>(
        ref,
        replyTo => ({type: 'list', replyTo}),
        askMs,
      );
      return reply.ok ? {instance, ref, listing: reply.value} : undefined;
    } catch {
      // Away, or too busy to answer: not to be counted on now.
      return undefined;
    }
  }

  async function askAll(): Promise<readonly ListedEcm[]> {
    const asked = [...receptionist.all(ecmKey)].map(([instance, ref]) => ask(instance, ref));
    return (await Promise.all(asked)).filter(ecm => ecm !== undefined);
  }

  function listed(): Promise<readonly ListedEcm[]> {
    const nowMs = clock.monotonicMs();
    if (latest === undefined || nowMs - latest.atMs >= freshMs) latest = {atMs: nowMs, listed: askAll()};
    return latest.listed;
  }

  return {
    at(instance) {
      const ref = receptionist.find(ecmKey, instance);
      return ref === undefined ? undefined : {instance, ref};
    },
    listed,
    async holding(engineId) {
      return (await listed()).filter(({listing}) =>
        listing.engines.some(engine => engine.engineId === engineId),
      );
    },
  };
}
