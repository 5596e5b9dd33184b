/** The ECM of a node in a cluster: its engines, for entrances on any node, and those of dead neighbours on this host. */
import {join} from 'node:path';
import type {Logger} from 'pino';
import {defaultsOf} from './actors/domain/setting.ts';
import {isTerminal} from './actors/domain/job.ts';
import type {EcmMessage} from './actors/ecm-messages.ts';
import type {LocalEngineDriver} from './actors/ecm-port.ts';
import type {EcmListing, EcmReply, EngineEntry} from './actors/ecm-protocol.ts';
import {ecmKey} from './actors/ecm-service-key.ts';
import {ecmService} from './actors/ecm-service.ts';
import {ecmLimitsOf, ecmSettings} from './actors/ecm-settings.ts';
import type {Member} from './actors/membership-member.ts';
import type {JobStore} from './actors/ports.ts';
import {systemClock} from './actors/runtime/clock.ts';
import type {Receptionist} from './actors/runtime/receptionist.ts';
import type {Ref} from './actors/runtime/ref.ts';
import type {ActorSystem} from './actors/runtime/system.ts';
import type {Config} from './config.ts';
import {watchHost} from './node-host-health.ts';

export type EngineHost = {
  /** An owner, or a neighbour with engines, is gone for good. */
  readonly nodeGone: (member: Pick<Member, 'incarnation'>) => void;
  /** Ends idle engines, lets go of busy ones; resolves to the ids of those left at work. */
  readonly leave: () => Promise<readonly string[]>;
  /** What its ECM says of itself; undefined while that can't be asked. */
  readonly listing: () => Promise<EcmListing | undefined>;
};

export type EngineHostDependencies = {
  readonly system: ActorSystem;
  readonly receptionist: Receptionist;
  readonly driver: LocalEngineDriver;
  readonly store: Pick<JobStore, 'get'>;
  readonly self: {readonly instance: string; readonly incarnation: string};
  /** Data directories of other nodes on this host. */
  readonly neighbours: () => readonly string[];
  readonly governance: Config['governance'];
  /** Default: nothing is configured. */
  readonly ecm?: Config['ecm'];
  readonly log: Pick<Logger, 'info' | 'warn'>;
};

const adoptMs = 60_000;
const askMs = 10_000;
const sweepEveryMs = 10_000;
const leaveMs = 10_000;
const mailboxMax = 65_536;

/** Resolves when the engines that earlier processes left are known, and other nodes can find this one's. */
export async function startEngineHost(dependencies: EngineHostDependencies): Promise<EngineHost> {
  const {system, receptionist, driver, store, self, neighbours, governance, log} = dependencies;
  const {ecm = defaultsOf(ecmSettings)} = dependencies;
  const {enginesMax, orphanIdleMs, orphanBusyMs, killGraceMs} = governance;
  const settings = {
    self,
    engineTypes: driver.engineTypes,
    enginesMax,
    orphanIdleMs,
    orphanBusyMs,
    shutdownGraceMs: killGraceMs,
    limits: ecmLimitsOf(ecm),
    startedAt: systemClock.now(),
  };
  const ref: Ref<EcmMessage> = system.spawn('ecm-host', ecmService({driver, settings, log}), {mailboxMax});
  const adopted = await system.ask<EcmMessage, EcmReply<number>>(
    ref,
    replyTo => ({type: 'adoptOwn', replyTo}),
    adoptMs,
  );
  if (adopted.ok && adopted.value > 0)
    log.info({engines: adopted.value}, 'engines of an earlier process are held');
  // Before anybody asks for an engine: what the host has decides how many there is room for.
  const stopWatching = await watchHost(driver.host, {
    everyMs: ecm.measureEveryMs,
    clock: systemClock,
    log,
    onLook: (load, atMs) => void ref.tell({type: 'measured', load, atMs}),
  });
  const withdraw = receptionist.publish(ecmKey, ref);
  let cancelSweep = systemClock.after(sweepEveryMs, () => void sweep());

  async function listing(): Promise<EcmListing | undefined> {
    const reply = await system
      .ask<EcmMessage, EcmReply<EcmListing>>(ref, replyTo => ({type: 'list', replyTo}), askMs)
      .catch(() => undefined);
    return reply?.ok === true ? reply.value : undefined;
  }

  /** Ends what is left of tasks whose jobs have ended, though nobody came to say so: their owner died right after. */
  async function sweep(): Promise<void> {
    const {engines = []} = (await listing()) ?? {};
    for (const {task} of engines.filter(isUnowned)) {
      if (task === undefined) continue;
      // One at a time: nothing waits for this.
      // oxlint-disable-next-line no-await-in-loop
      const stored = await store.get(task.taskID).catch(() => null);
      if (stored === null || (stored !== undefined && !isTerminal(stored.row.status))) continue;
      ref.tell({type: 'taskUnknown', task});
    }
    cancelSweep = systemClock.after(sweepEveryMs, () => void sweep());
  }

  return {
    listing,
    nodeGone({incarnation}) {
      ref.tell({type: 'ownerGone', incarnation});
      // It may have held engines of its own folder, of ours, or of a third node's that it had adopted.
      ref.tell({type: 'adoptOwn', dead: [incarnation]});
      for (const directory of neighbours()) {
        ref.tell({type: 'adoptFrom', directory: join(directory, 'engines'), dead: [incarnation]});
      }
    },
    async leave() {
      cancelSweep();
      stopWatching();
      withdraw();
      return system
        .ask<EcmMessage, readonly string[]>(ref, replyTo => ({type: 'leave', replyTo}), leaveMs)
        .catch(() => []);
    },
  };
}

const isUnowned = ({owner}: EngineEntry): boolean => owner === undefined;
