/** The engine side of an entrance: its pool, the launcher behind it, and the manager that grants what is launched. */
import type {EngineLimitSettings} from './fixed-quotas.ts';
import type {QuotaSource} from './engine-governance.ts';
import {engineLauncher, type LauncherMessage, type LauncherSettings} from './engine-launcher.ts';
import {enginePool} from './engine-pool-actor.ts';
import type {EngineKey} from './engine-key.ts';
import type {EnginePoolMessage, EngineWait} from './engine-pool-protocol.ts';
import {emptyPool, type PooledEngine} from './engine-pool-state.ts';
import {toFailure} from './domain/errors.ts';
import {noteLaunches} from './engine-launches.ts';
import {lendEngines, type EngineLoans} from './engine-loan.ts';
import type {EngineRecordStore} from './engine-record.ts';
import type {NodeLog} from './governance-node.ts';
import {localReport} from './local-report.ts';
import {managerTimes, type ManagerLimits} from './manager-state.ts';
import {startLocalManager, type ManagerPort} from './manager-port.ts';
import type {EcmReport, GroupLoad, ManagerNotice} from './manager-protocol.ts';
import type {EngineDriver} from './ports.ts';
import {callbackRef} from './runtime/callback-ref.ts';
import type {Clock} from './runtime/clock.ts';
import type {ActorFailure} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

/** What this host has for engines, and whether it may start any; by default nothing limits it but their number. */
export type HostState = Pick<EcmReport, 'capacity' | 'health' | 'healthReason' | 'load'>;

export type EngineDeskDependencies = {
  readonly system: ActorSystem;
  readonly clock: Clock;
  readonly log: NodeLog;
  readonly driver: EngineDriver;
  readonly quotas: QuotaSource;
  readonly self: {readonly instance: string; readonly incarnation: string};
  readonly engineLimits: EngineLimitSettings;
  readonly launcher: LauncherSettings;
  /** Of the ids that a manager of this process gives. */
  readonly idPrefix: string;
  /** What waits and runs here, for the manager's figures. */
  readonly load: () => readonly GroupLoad[];
  readonly onFailure: (failure: ActorFailure) => void;
  /** Engines of a type; absent: any number. */
  readonly engineTypeMax?: ManagerLimits['engineTypeMax'] | undefined;
  /** Absent: one in this process. */
  readonly manager?: ManagerPort;
  readonly hostState?: (() => HostState) | undefined;
  readonly records?: EngineRecordStore | undefined;
};

export type EngineDesk = {
  readonly pool: Ref<EnginePoolMessage>;
  readonly launcher: Ref<LauncherMessage>;
  readonly engines: ReadonlyMap<string, PooledEngine>;
  readonly manager: ManagerPort;
  readonly loans: EngineLoans;
  readonly waitingCount: () => number;
  /** Undefined: that job asks for no engine now. */
  readonly waitOf: (taskID: number, key: EngineKey) => Promise<EngineWait | undefined>;
  /** From now on the manager is told what is wanted. Not before the engines of earlier processes are known. */
  readonly begin: () => void;
  readonly setLimits: (quotas: QuotaSource) => void;
  /** Ends idle engines, lets go of busy ones; resolves to the ids of those left at work. */
  readonly leave: () => Promise<readonly string[]>;
  /** Epoch milliseconds; undefined for engines of earlier processes. */
  readonly startedAt: (engineId: string) => number | undefined;
};

const poolMailboxMax = 200_000;
const leaveLimits = {settleMs: 500, shutdownMs: 8000, lookEveryMs: 20};

export function startEngineDesk(dependencies: EngineDeskDependencies): EngineDesk {
  const {system, clock, log, driver, quotas, self, engineLimits, load, onFailure} = dependencies;
  const {instance, incarnation} = self;
  async function until(isDone: () => boolean, limitMs: number): Promise<void> {
    const endMs = clock.monotonicMs() + limitMs;
    while (!isDone() && clock.monotonicMs() < endMs) {
      await new Promise<void>(resolve => void clock.after(leaveLimits.lookEveryMs, resolve));
    }
  }

  const launcher = system.spawn(
    'ecm',
    engineLauncher({driver, settings: dependencies.launcher, onCrash: onFailure}),
  );
  const state = emptyPool(quotas);
  const manager =
    dependencies.manager ??
    startLocalManager({
      system,
      clock,
      log,
      quotas,
      engineTypeMax: dependencies.engineTypeMax ?? {},
      settings: {
        ...managerTimes(dependencies.launcher.launchTimeoutMs),
        instance,
        fence: 1,
        idPrefix: dependencies.idPrefix,
      },
      report: () => ({
        ...localReport(state.engines, self, driver.engineTypes, engineLimits),
        ...dependencies.hostState?.(),
      }),
    });
  const launches = noteLaunches({
    records: dependencies.records,
    clock,
    instance,
    engines: state.engines,
    onFailure: (engineId, error) =>
      log.warn({engineId, error: toFailure(error).message}, 'the history of an engine could not be written'),
  });
  // One in this process knows no places: the driver does.
  const placeOf = (ecm: string): string => (dependencies.manager === undefined ? '' : ecm);
  const pool: Ref<EnginePoolMessage> = system.spawn(
    'engine-pool',
    enginePool({
      state,
      clock,
      launch: (order, replyTo) =>
        void launcher.tell(
          launches.begin({type: 'launch', ...order, ecm: placeOf(order.ecm), pool: replyTo}),
        ),
      say: statement =>
        manager.state(
          {...statement, entrance: instance, incarnation, ...(statement.isFull ? {load: load()} : {})},
          notices,
        ),
    }),
    {mailboxMax: poolMailboxMax, onFailure},
  );
  const notices: Ref<ManagerNotice> = callbackRef<ManagerNotice>(
    '/engine-pool/notices',
    // What is lost is granted again after a while, and said again at once.
    notice => void pool.tell({type: 'notice', notice}),
  );
  return {
    pool,
    launcher,
    engines: state.engines,
    manager,
    loans: lendEngines(pool, clock),
    waitingCount: () => state.waitingCount,
    waitOf: (taskID, key) =>
      new Promise(resolve => {
        if (!pool.tell({type: 'explain', taskID, key, reply: resolve})) resolve(undefined);
      }),
    startedAt: launches.startedAt,
    begin: () => void pool.tell({type: 'stateDue', isFull: true}),
    async leave() {
      pool.tell({type: 'close'});
      const has = (...statuses: PooledEngine['status'][]): boolean =>
        [...state.engines.values()].some(({status}) => statuses.includes(status));
      // A job that has just ended gives its engine back in a moment; one that is starting can be told to end once it is up.
      await until(() => !has('starting', 'busy'), leaveLimits.settleMs);
      const told = new Set<string>();
      const leftAtWork: string[] = [];
      /** Again and again: one that was starting is told as soon as it is up, or it would be left behind. */
      const areGone = (): boolean => {
        for (const [engineId, {status, ref}] of state.engines) {
          if (ref === undefined || told.has(engineId)) continue;
          told.add(engineId);
          if (status === 'busy') leftAtWork.push(engineId);
          ref.tell(status === 'busy' ? {type: 'detach'} : {type: 'shutdown'});
        }
        return state.engines.size <= leftAtWork.length;
      };
      await until(areGone, leaveLimits.shutdownMs);
      return leftAtWork;
    },
    setLimits: limits => void pool.tell({type: 'setLimits', limits}),
  };
}
