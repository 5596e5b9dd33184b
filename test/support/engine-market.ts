/**
 * Pools and a manager without actors, time or processes: each message is decided at once, statements and notices pass through
 * a bag that a test may lose from, repeat and reorder. What an ECM would report is what was launched and has not ended.
 */
import type {EngineKey} from '../../actors/engine-key.ts';
import {decidePool} from '../../actors/engine-pool.ts';
import {type EnginePoolEffect, type EnginePoolMessage} from '../../actors/engine-pool-protocol.ts';
import {emptyPool, type EnginePoolState} from '../../actors/engine-pool-state.ts';
import {fixedQuotas, unlimited} from '../../actors/fixed-quotas.ts';
import type {Quota, Resources, TenantQuota} from '../../actors/engine-governance.ts';
import type {EngineCommand} from '../../actors/engine-conn.ts';
import type {GrantedEngine, JobReport} from '../../actors/job-protocol.ts';
import {decideManager, type ManagerMessage} from '../../actors/manager.ts';
import type {EcmReport, ManagerNotice, Statement} from '../../actors/manager-protocol.ts';
import {emptyManager, type ManagerLimits, type ManagerState} from '../../actors/manager-state.ts';
import type {Ref} from '../../actors/runtime/ref.ts';

type Untimed<Message> = Message extends {readonly atMs: number} ? Omit<Message, 'atMs'> : never;

export type Engine = {
  readonly engineId: string;
  readonly entrance: string;
  readonly key: EngineKey;
  readonly ecm: string;
  readonly reserved: Resources;
  taskID?: number;
};

export type MarketOptions = {
  readonly entrances?: readonly string[];
  readonly ecms?: Readonly<Record<string, Partial<EcmReport>>>;
  readonly quota?: (key: {readonly user: string; readonly engineType: string}) => Partial<Quota>;
  readonly tenant?: (tenant: string) => Partial<TenantQuota>;
  readonly engineTypeMax?: Readonly<Record<string, number>>;
};

const base = fixedQuotas(
  {runningMax: 1000, waitingMax: 1000},
  {enginesMax: 1000, enginesPerUserMax: 1000, idleMs: 60_000},
);

export class EngineMarket {
  nowMs = 1000;
  manager: ManagerState;
  readonly pools = new Map<string, EnginePoolState>();
  readonly engines = new Map<string, Engine>();
  /** Which engine each job has. */
  readonly jobs = new Map<number, string>();
  readonly served: number[] = [];
  readonly grants: GrantedEngine[] = [];
  launchMs = 0;
  readonly denied = new Map<number, number>();
  readonly ecms: ReadonlyMap<string, EcmReport>;
  readonly logs: string[] = [];
  /** Called for each launch; false: it fails to start. */
  mayLaunch: (engine: Engine) => boolean = () => true;
  /** Statements and notices under way. */
  bag: (() => void)[] = [];
  /** Whether what crosses nodes waits in the bag, or arrives at once. */
  isBagged = false;
  readonly #limits: ManagerLimits;
  #fence = 1;

  constructor({
    entrances = ['a:1'],
    ecms = {'a:1': {}},
    quota,
    tenant,
    engineTypeMax = {},
  }: MarketOptions = {}) {
    this.#limits = {
      quotaOf: key => ({...base.quotaOf(key), ...quota?.(key)}),
      tenantQuotaOf: name => ({...base.tenantQuotaOf(name), ...tenant?.(name)}),
      engineTypeMax,
    };
    this.ecms = new Map(
      Object.entries(ecms).map(([instance, given]) => [instance, {...plainEcm(instance), ...given}]),
    );
    for (const name of entrances) this.pools.set(name, emptyPool(this.#limits));
    this.manager = this.#newManager();
    this.report();
  }

  #newManager(): ManagerState {
    const fence = this.#fence;
    const settings = {
      instance: 'm:1',
      fence,
      idPrefix: `e${fence}`,
      gatherMs: 5000,
      grantMs: 10_000,
      lostMs: 3000,
      impossibleMs: 30_000,
    };
    return emptyManager(settings, this.#limits, this.nowMs);
  }

  /** The manager's node dies; another takes over, and knows nothing. */
  succeed(): void {
    this.#fence += 1;
    this.manager = this.#newManager();
    this.tellManager({type: 'expect', ecms: [...this.ecms.keys()]});
    this.report();
    for (const name of this.pools.keys()) this.tellPool(name, {type: 'stateDue', isFull: true});
  }

  tellManager(message: Untimed<ManagerMessage>): void {
    const {effects} = decideManager(this.manager, {...message, atMs: this.nowMs});
    for (const effect of effects) {
      if (effect.type === 'notify') effect.to.tell(effect.notice);
      else if (effect.type === 'answer') effect.answer();
      else this.logs.push(effect.text);
    }
  }

  /** What every ECM says of itself. */
  report(): void {
    for (const ecm of this.ecms.values()) {
      const engines = [...this.engines.values()]
        .filter(engine => engine.ecm === ecm.instance)
        .map(({engineId, key, reserved, entrance, taskID}) => ({
          engineId,
          key,
          resources: reserved,
          entrance,
          ...(taskID === undefined ? {} : {taskID}),
        }));
      this.tellManager({type: 'ecm', report: {...ecm, engines}});
    }
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.tellManager({type: 'tick'});
    this.report();
    for (const name of this.pools.keys()) {
      this.tellPool(name, {type: 'stateDue', isFull: false});
      this.tellPool(name, {type: 'stateDue', isFull: true});
    }
  }

  tellPool(name: string, message: EnginePoolMessage): void {
    const state = this.pools.get(name);
    if (state === undefined) return;
    for (const effect of decidePool(state, message).effects) this.#perform(name, effect);
  }

  #perform(name: string, effect: EnginePoolEffect): void {
    switch (effect.type) {
      case 'grant': {
        const {request, engine} = effect;
        this.served.push(request.taskID);
        this.grants.push(engine);
        this.jobs.set(request.taskID, engine.engineId);
        const live = this.engines.get(engine.engineId);
        if (live !== undefined) live.taskID = request.taskID;
        return;
      }
      case 'deny':
        this.denied.set(effect.request.taskID, effect.failure.code);
        return;
      case 'launch': {
        const {engineId, key, ecm, reserved} = effect;
        const engine = {engineId, entrance: name, key, ecm, reserved};
        if (!this.mayLaunch(engine)) {
          const failure = {code: 1, message: 'no', retryable: true};
          this.tellPool(name, {type: 'launchFailed', engineId, failure});
          return;
        }
        this.engines.set(engineId, engine);
        this.tellPool(name, {
          type: 'engineStarted',
          engineId,
          ref: this.#engineRef(name, engineId),
          launchMs: this.launchMs,
        });
        return;
      }
      case 'shutdown':
        effect.ref.tell({type: 'shutdown'});
        return;
      case 'state':
        this.#cross(() => this.#state(name, effect.statement));
        return;
      case 'stateTimer':
        return;
      case 'tell':
        return effect.tell();
      case 'idleTimer':
      case 'launchRetryTimer':
        return;
    }
  }

  #engineRef(name: string, engineId: string): Ref<EngineCommand> {
    const tell = (): boolean => {
      this.engines.delete(engineId);
      this.tellPool(name, {type: 'engineExited', engineId});
      return true;
    };
    return {path: engineId, uid: 1, tell};
  }

  #state(name: string, statement: Omit<Statement, 'entrance' | 'incarnation' | 'load'>): void {
    const replyTo: Ref<ManagerNotice> = {
      path: name,
      uid: 1,
      tell: notice => {
        this.#cross(() => this.tellPool(name, {type: 'notice', notice}));
        return true;
      },
    };
    this.tellManager({
      type: 'state',
      statement: {...statement, entrance: name, incarnation: `${name}#1`},
      replyTo,
    });
  }

  #cross(deliver: () => void): void {
    if (this.isBagged) this.bag.push(deliver);
    else deliver();
  }

  submit(taskID: number, key: EngineKey, name = 'a:1', executeOnce = false): void {
    this.tellPool(name, {
      type: 'requestEngine',
      taskID,
      attempt: 1,
      key,
      executeOnce,
      sinceMs: this.nowMs,
      replyTo: nobody,
    });
  }

  /** Its job ends. */
  end(taskID: number, isReusable = true): void {
    const engineId = this.jobs.get(taskID);
    if (engineId === undefined) return;
    this.jobs.delete(taskID);
    const engine = this.engines.get(engineId);
    if (engine === undefined) return;
    delete engine.taskID;
    this.tellPool(engine.entrance, {type: 'release', engineId, isReusable});
  }

  busyOf(tenant: string): number {
    return [...this.jobs.values()].filter(engineId => this.engines.get(engineId)?.key.tenant === tenant)
      .length;
  }
}

const nobody: Ref<JobReport> = {path: '/nobody', uid: 0, tell: () => true};

const plainEcm = (instance: string): EcmReport => ({
  instance,
  engineTypes: ['shell', 'python'],
  labels: {},
  capacity: {...unlimited, instances: 4},
  enginesPerUserMax: 1000,
  health: 'Healthy',
  healthReason: '',
  engines: [],
});

export const keyFor = (user: string, rest: Partial<EngineKey> = {}): EngineKey => ({
  engineType: 'shell',
  user,
  creator: 'IDE',
  tenant: '',
  pin: '',
  ...rest,
});
