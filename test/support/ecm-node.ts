/** Nodes with an ECM and an entrance's driver, in one process, joined by a mesh. */
import {clusterEngineDriver, type ClusterEngineDriver} from '../../actors/ecm-driver.ts';
import type {EcmMessage} from '../../actors/ecm-messages.ts';
import type {LocalEngineDriver} from '../../actors/ecm-port.ts';
import type {EcmListing, EcmReply} from '../../actors/ecm-protocol.ts';
import {ecmKey} from '../../actors/ecm-service-key.ts';
import {ecmService} from '../../actors/ecm-service.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import type {Receptionist} from '../../actors/runtime/receptionist.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {startActorSystem, type ActorSystem} from '../../actors/runtime/system.ts';
import {resultSink} from '../../engines/result-sink.ts';
import type {Mesh} from './ecm-mesh.ts';

export type EcmNode = {
  readonly system: ActorSystem;
  readonly engines: ClusterEngineDriver;
  readonly ecm: Ref<EcmMessage> | undefined;
  /** Has the ECM adopt what is in another node's directory; resolves to how many. */
  readonly adoptFrom: (directory: string, dead?: readonly string[]) => Promise<number>;
  /** As when its process ends as it should: answers with the engines left at work. */
  readonly leave: () => Promise<readonly string[]>;
  /** The engines that its ECM has. */
  readonly list: () => Promise<EcmListing['engines']>;
  /** Their ids. */
  readonly held: () => Promise<readonly string[]>;
  /** The process ends: its services are gone, its engines stay. */
  readonly die: () => Promise<void>;
};

const quiet = (): void => undefined;
export const quietLog = {debug: quiet, info: quiet, warn: quiet, error: quiet};

/** `join`: how it sees the others; by default over `mesh`. `driver`: the engines of its host; without one it is an entrance only. Resolves when it has adopted its own engines. */
export async function startEcmNode({
  mesh,
  join = () => mesh.join(instance),
  instance,
  incarnation,
  driver,
  clock,
  engineSearchMs = 15_000,
  orphanIdleMs = 60_000,
  enginesMax = 10,
  checkEveryMs = 5000,
}: {
  readonly mesh: Mesh;
  readonly join?: (system: ActorSystem) => Receptionist;
  readonly instance: string;
  readonly incarnation: string;
  readonly driver?: LocalEngineDriver;
  readonly clock: Clock;
  readonly engineSearchMs?: number;
  readonly orphanIdleMs?: number;
  readonly enginesMax?: number;
  readonly checkEveryMs?: number;
}): Promise<EcmNode> {
  const random = seededRandom(1);
  const system = startActorSystem({name: instance, clock, random, log: quietLog});
  const receptionist = join(system);
  const self = {instance, incarnation};
  const engineTypes = ['shell', 'python'];
  const settings = {
    self,
    engineTypes,
    enginesMax,
    orphanIdleMs,
    orphanBusyMs: 3_600_000,
    shutdownGraceMs: 100,
  };
  const ecm =
    driver === undefined ? undefined : system.spawn('ecm', ecmService({driver, settings, log: quietLog}));
  let withdraw = quiet;
  if (ecm !== undefined) {
    withdraw = receptionist.publish(ecmKey, ecm);
    await system.ask<EcmMessage, EcmReply<number>>(ecm, replyTo => ({type: 'adoptOwn', replyTo}), 10_000);
  }
  const engines = clusterEngineDriver({
    receptionist,
    self,
    engineTypes,
    results: resultSink,
    clock,
    random,
    system,
    log: quietLog,
    engineSearchMs,
    checkEveryMs,
  });
  async function list(): Promise<EcmListing['engines']> {
    if (ecm === undefined) return [];
    const reply = await system.ask<EcmMessage, EcmReply<EcmListing>>(
      ecm,
      replyTo => ({type: 'list', replyTo}),
      10_000,
    );
    return reply.ok ? reply.value.engines : [];
  }
  return {
    system,
    engines,
    ecm,
    async adoptFrom(directory, dead = []) {
      if (ecm === undefined) throw new Error('no ECM here');
      const reply = await system.ask<EcmMessage, EcmReply<number>>(
        ecm,
        replyTo => ({type: 'adoptFrom', directory, dead, replyTo}),
        10_000,
      );
      if (!reply.ok) throw new Error(reply.failure.message);
      return reply.value;
    },
    async leave() {
      if (ecm === undefined) return [];
      return system.ask<EcmMessage, readonly string[]>(ecm, replyTo => ({type: 'leave', replyTo}), 10_000);
    },
    list,
    held: async () => (await list()).map(({engineId}) => engineId),
    async die() {
      withdraw();
      engines.close();
      await system.shutdown(1000);
    },
  };
}
