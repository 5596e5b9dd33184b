/** The ECM of a simulated node: as `node-engines.ts` has it, on the clock of the simulation. */
import {isTerminal} from '../../actors/domain/job.ts';
import type {EcmMessage} from '../../actors/ecm-messages.ts';
import type {LocalEngineDriver} from '../../actors/ecm-port.ts';
import type {EcmListing, EcmReply} from '../../actors/ecm-protocol.ts';
import {ecmKey} from '../../actors/ecm-service-key.ts';
import {ecmService, type EcmLog} from '../../actors/ecm-service.ts';
import type {Member} from '../../actors/membership-member.ts';
import type {JobStore} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import type {Receptionist} from '../../actors/runtime/receptionist.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import type {ActorSystem} from '../../actors/runtime/system.ts';

export type SimulatedEcm = {
  readonly nodeGone: (member: Pick<Member, 'incarnation'>) => void;
  readonly leave: () => Promise<readonly string[]>;
};

export type SimulatedEcmDependencies = {
  readonly system: ActorSystem;
  readonly receptionist: Receptionist;
  readonly driver: LocalEngineDriver;
  readonly store: Pick<JobStore, 'get'>;
  readonly self: {readonly instance: string; readonly incarnation: string};
  readonly neighbours: () => readonly string[];
  readonly clock: Clock;
  readonly log: EcmLog;
};

const sweepEveryMs = 10_000;
const askMs = 10_000;
const adoptMs = 60_000;
const limits = {enginesMax: 6, orphanIdleMs: 20_000, orphanBusyMs: 3_600_000, shutdownGraceMs: 100};

export async function startSimulatedEcm(dependencies: SimulatedEcmDependencies): Promise<SimulatedEcm> {
  const {system, receptionist, driver, store, self, neighbours, clock, log} = dependencies;
  const settings = {self, engineTypes: driver.engineTypes, ...limits};
  const ref: Ref<EcmMessage> = system.spawn('ecm-host', ecmService({driver, settings, log}), {
    mailboxMax: 65_536,
  });
  await system.ask<EcmMessage, EcmReply<number>>(ref, replyTo => ({type: 'adoptOwn', replyTo}), adoptMs);
  const withdraw = receptionist.publish(ecmKey, ref);
  let cancelSweep = clock.after(sweepEveryMs, () => void sweep());

  async function sweep(): Promise<void> {
    const listing = await system
      .ask<EcmMessage, EcmReply<EcmListing>>(ref, replyTo => ({type: 'list', replyTo}), askMs)
      .catch(() => undefined);
    for (const {owner, task} of listing?.ok === true ? listing.value.engines : []) {
      if (owner !== undefined || task === undefined) continue;
      // oxlint-disable-next-line no-await-in-loop
      const stored = await store.get(task.taskID).catch(() => null);
      if (stored === null || (stored !== undefined && !isTerminal(stored.row.status))) continue;
      ref.tell({type: 'taskUnknown', task});
    }
    cancelSweep = clock.after(sweepEveryMs, () => void sweep());
  }

  return {
    nodeGone({incarnation}) {
      ref.tell({type: 'ownerGone', incarnation});
      ref.tell({type: 'adoptOwn', dead: [incarnation]});
      for (const directory of neighbours())
        ref.tell({type: 'adoptFrom', directory: `${directory}/engines`, dead: [incarnation]});
    },
    async leave() {
      cancelSweep();
      withdraw();
      return system
        .ask<EcmMessage, readonly string[]>(ref, replyTo => ({type: 'leave', replyTo}), askMs)
        .catch(() => []);
    },
  };
}
