/**
 * The manager of a cluster, on the node that holds its lease: an actor that decides, a door for the entrances of all nodes,
 * and a look at every ECM once a second. It ends when the lease is another's; nothing that it knew is missed.
 */
import type {ListedEcm} from './ecm-map.ts';
import type {EngineEntry} from './ecm-protocol.ts';
import type {QuotaSource} from './engine-governance.ts';
import {unlimited} from './fixed-quotas.ts';
import {managerKey} from './manager-key.ts';
import {manager, type ManagerMessage, type UntimedManagerMessage} from './manager.ts';
import type {EcmReport, ManagerCommand, ReportedEngine} from './manager-protocol.ts';
import type {ManagerLimits, ManagerSettings} from './manager-state.ts';
import type {Membership} from './membership.ts';
import type {NodeLog} from './governance-node.ts';
import type {Clock} from './runtime/clock.ts';
import type {Machine} from './runtime/machine.ts';
import type {Receptionist} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

export type ManagerServiceDependencies = {
  readonly system: ActorSystem;
  readonly receptionist: Receptionist;
  readonly membership: Pick<Membership, 'members' | 'onChange'>;
  /** Asks every ECM that can be reached. */
  readonly listed: () => Promise<readonly ListedEcm[]>;
  /** Labels of an instance. */
  readonly labelsOf: (instance: string) => Readonly<Record<string, string>>;
  readonly quotas: QuotaSource;
  readonly clock: Clock;
  readonly log: NodeLog;
  readonly settings: Omit<ManagerSettings, 'fence' | 'idPrefix'>;
  /** Engines of one user on one ECM. */
  readonly enginesPerUserMax: number;
  readonly engineTypeMax: ManagerLimits['engineTypeMax'];
  /** No other process ever gives it: makes the ids of engines. */
  readonly idPrefix: string;
};

const tickMs = 200;
const lookMs = 1000;
const mailboxMax = 65_536;

/** Resolves to what ends it. `mayAct`: the lease is proven; without it nothing is granted. */
export async function startManagerService(
  dependencies: ManagerServiceDependencies,
  fence: number,
  mayAct: () => boolean,
): Promise<() => Promise<void>> {
  const {system, receptionist, membership, listed, labelsOf, quotas, clock, log} = dependencies;
  const {enginesPerUserMax, engineTypeMax} = dependencies;
  const limits = {...quotas, engineTypeMax};
  const settings = {...dependencies.settings, fence, idPrefix: `${dependencies.idPrefix}m${fence}`};
  const ref: Ref<ManagerMessage> = system.spawn(`manager-${fence}`, manager({settings, limits, clock, log}), {
    mailboxMax,
  });
  /** Without proof of the lease nothing moves: another may hold it by now. */
  const tell = (message: UntimedManagerMessage): void => {
    if (mayAct()) ref.tell({...message, atMs: clock.monotonicMs()});
  };
  let isStopped = false;
  let cancelTick = (): void => undefined;
  let cancelLook = (): void => undefined;

  function expect(): void {
    const ecms = membership.members().filter(({roles, state}) => roles.includes('ecm') && state === 'up');
    tell({type: 'expect', ecms: ecms.map(({instance}) => instance)});
  }

  /** Owners are named by incarnation there, and by address here. */
  const instances = (): ReadonlyMap<string, string> =>
    new Map(membership.members().map(({incarnation, instance}) => [incarnation, instance]));

  const engineOf = (entry: EngineEntry, byIncarnation: ReadonlyMap<string, string>): ReportedEngine => {
    const {engineId, engineType, user, creator, tenant = '', reserved, owner, task} = entry;
    return {
      engineId,
      key: {engineType, user, creator, tenant, pin: ''},
      resources: reserved ?? quotas.quotaOf({engineType, user, creator}).engine,
      entrance: byIncarnation.get(owner ?? '') ?? '',
      ...(task === undefined ? {} : {taskID: task.taskID}),
    };
  };

  function reportOf({instance, listing}: ListedEcm, byIncarnation: ReadonlyMap<string, string>): EcmReport {
    const {engineTypes, enginesMax, engines, capacity, health, healthReason, load} = listing;
    return {
      instance,
      engineTypes,
      labels: labelsOf(instance),
      capacity: capacity ?? {...unlimited, instances: enginesMax},
      enginesPerUserMax,
      health: health ?? 'Healthy',
      healthReason: healthReason ?? '',
      engines: engines.map(entry => engineOf(entry, byIncarnation)),
      ...(load === undefined ? {} : {load}),
    };
  }

  let known: readonly string[] = [];
  async function look(): Promise<void> {
    const found = await listed();
    if (isStopped) return;
    expect();
    const byIncarnation = instances();
    for (const ecm of found) tell({type: 'ecm', report: reportOf(ecm, byIncarnation)});
    const names = found.map(({instance}) => instance);
    for (const instance of known) {
      if (!names.includes(instance)) tell({type: 'ecmGone', instance, isOver: false});
    }
    known = names;
    cancelLook = clock.after(lookMs, () => void look());
  }

  function tick(): void {
    tell({type: 'tick'});
    cancelTick = clock.after(tickMs, tick);
  }

  const door = system.spawn(`manager-door-${fence}`, doorOf(ref, clock, mayAct), {mailboxMax});
  const stopListening = membership.onChange(event => {
    if (event.type !== 'dead' && event.type !== 'gone') return;
    const {instance, incarnation} = event.member;
    tell({type: 'entranceGone', incarnation});
    // Another life of it may hold its engines by now; what that one reports is entered again.
    tell({type: 'ecmGone', instance, isOver: true});
    expect();
  });
  const stopQuotas = quotas.onChange(() => tell({type: 'limits', limits}));
  expect();
  tick();
  await look();
  const withdraw = receptionist.publish(managerKey, door);

  return async () => {
    isStopped = true;
    withdraw();
    stopListening();
    stopQuotas();
    cancelTick();
    cancelLook();
    await system.stop(door);
    await system.stop(ref);
  };
}

/** Says when each command came. Nothing passes while the lease is not proven: another may hold it. */
function doorOf(
  to: Ref<ManagerMessage>,
  clock: Clock,
  mayAct: () => boolean,
): Machine<undefined, ManagerCommand, ManagerCommand> {
  return {
    initial: undefined,
    decide: (state, command) => ({state, effects: [command]}),
    perform(command) {
      if (mayAct()) to.tell({...command, atMs: clock.monotonicMs()});
    },
  };
}
