/** `EngineGovernance` in memory: engines and hosts that a test describes, which end and change as the port says. */
import type {
  EcmView,
  EngineGovernance,
  EngineLogRequest,
  EngineView,
  KillReceipt,
  ResourceUse,
  Resources,
} from '../../actors/engine-governance.ts';

export const ecmInstance = 'host-02.example.com:9102';

export const load = (gigabytes: number, cores: number, instances: number): Resources => ({
  memoryBytes: gigabytes * 1_073_741_824,
  cores,
  instances,
});

export const engineView = (engineId: string, more: Partial<EngineView> = {}): EngineView => ({
  engineId,
  instance: `${more.ecm ?? ecmInstance}_${engineId}`,
  engineType: 'shell',
  version: '1',
  user: 'alice',
  creator: 'IDE',
  tenant: '',
  status: 'Unlock',
  health: 'Healthy',
  ecm: ecmInstance,
  entrance: '',
  pid: 4711,
  taskID: null,
  jobCount: 3,
  startedAt: 1_714_530_000_000,
  updatedAt: 1_714_530_060_000,
  reserved: load(1, 1, 1),
  metrics: null,
  ...more,
});

export const ecmView = (more: Partial<EcmView> = {}): EcmView => ({
  instance: ecmInstance,
  health: 'Healthy',
  healthReason: '',
  labels: {},
  engineTypes: ['shell', 'python'],
  capacity: load(100, 50, 50),
  used: load(1, 1, 1),
  load: {
    memoryBytesTotal: 134_217_728_000,
    memoryBytesFree: 69_793_218_560,
    cpuCount: 16,
    cpuShare: 0.12,
    loadAverage: 1.5,
  },
  startedAt: 1_714_520_000_000,
  description: '',
  ...more,
});

export const resourceUse = (more: Partial<ResourceUse> = {}): ResourceUse => ({
  user: 'alice',
  creator: 'IDE',
  engineType: 'shell',
  version: '1',
  tenant: '',
  max: load(10, 10, 10),
  used: load(1, 1, 1),
  locked: load(0, 0, 0),
  runningJobs: 0,
  queuedJobs: 0,
  ...more,
});

export type MemoryEngines = EngineGovernance & {
  readonly live: Map<string, EngineView>;
  readonly hosts: Map<string, EcmView>;
  readonly uses: ResourceUse[];
  /** Lines by engine id and log type, `e1/stdout`. */
  readonly logs: Map<string, readonly string[]>;
  /** Ids of engines that were ended, in order. */
  readonly ended: string[];
  readonly logRequests: {readonly ecm: string; readonly engine: string; readonly request: EngineLogRequest}[];
};

export function createMemoryEngines(
  engines: readonly EngineView[] = [],
  hosts: readonly EcmView[] = [ecmView()],
  uses: readonly ResourceUse[] = [],
): MemoryEngines {
  const live = new Map(engines.map(engine => [engine.engineId, engine]));
  const find = (wanted: string): EngineView | undefined =>
    [...live.values()].find(({engineId, instance}) => engineId === wanted || instance === wanted);

  const memory: MemoryEngines = {
    live,
    hosts: new Map(hosts.map(host => [host.instance, host])),
    uses: [...uses],
    logs: new Map(),
    ended: [],
    logRequests: [],
    engines: async () => [...live.values()],
    ecms: async () => [...memory.hosts.values()],
    verify: async () => ({
      manager: ecmInstance,
      fence: 1,
      reservations: live.size,
      drift: [],
      missing: [],
      unknown: [],
      healed: 0,
    }),
    resources: async () => memory.uses,
    async endEngine(wanted, _by, {onlyIdle = false} = {}) {
      const engine = find(wanted);
      if (engine === undefined || (onlyIdle && engine.status !== 'Unlock')) return undefined;
      live.delete(engine.engineId);
      memory.ended.push(engine.engineId);
      return receiptOf(engine);
    },
    async setEngineHealth(wanted, health) {
      const engine = find(wanted);
      if (engine !== undefined) live.set(engine.engineId, {...engine, health});
      return engine !== undefined;
    },
    async setEcm(instance, change) {
      const host = memory.hosts.get(instance);
      if (host !== undefined) memory.hosts.set(instance, {...host, ...change});
      return host !== undefined;
    },
    async engineLog(ecm, engine, request) {
      memory.logRequests.push({ecm, engine, request});
      const engineId = find(engine)?.engineId ?? engine;
      const lines = memory.logs.get(`${engineId}/${request.logType}`);
      if (lines === undefined) return undefined;
      const {fromLine, pageSize, lastRows} = request;
      const logs = lastRows > 0 ? lines.slice(-lastRows) : lines.slice(fromLine - 1, fromLine - 1 + pageSize);
      return {
        logPath: `/engines/${engineId}/${request.logType}`,
        logs,
        endLine: fromLine - 1 + logs.length,
        rows: logs.length,
      };
    },
  };
  return memory;
}

const receiptOf = ({pid, reserved}: EngineView): KillReceipt => ({
  signals: ['SIGTERM', 'SIGKILL'],
  processesEnded: 2,
  pids: pid === null ? [] : [pid, pid + 1],
  tookMs: 12,
  returned: reserved,
});
