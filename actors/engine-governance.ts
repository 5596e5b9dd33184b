/**
 * What the facade (HTTP, command line, library) may ask about engines, the hosts they run on, and the resources that users
 * have in use: Linkis' application manager and resource manager, as seen from outside. `http/` knows only this;
 * `node-start.ts` hands it over. Figures are live: each comes from whoever holds it, and nothing is stored twice.
 */
import type {Caller} from './governance.ts';

/** What an engine, a user or a host has, may have or uses. */
export type Resources = {
  readonly memoryBytes: number;
  readonly cores: number;
  /** Engine processes. */
  readonly instances: number;
};

/** Linkis' NodeStatus, by name; `Locked`, `Idle` and `Running` are Linkis' own and never occur here. */
export const engineStatuses = [
  'Starting',
  'Unlock',
  'Locked',
  'Idle',
  'Busy',
  'Running',
  'ShuttingDown',
  'Failed',
  'Success',
] as const;

export type EngineNodeStatus = (typeof engineStatuses)[number];

/** Linkis' NodeHealthy, by name. */
export const nodeHealths = ['Healthy', 'UnHealthy', 'WARN', 'StockAvailable', 'StockUnavailable'] as const;

export type NodeHealth = (typeof nodeHealths)[number];

/** Of an engine with everything that it has started, from the operating system. */
export type EngineMetrics = {
  readonly rssBytes: number;
  /** Processor time since its start, all processes. */
  readonly cpuMs: number;
  /** Share of one processor over the last interval: 1.5 is one and a half processors. */
  readonly cpuShare: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly processes: number;
  readonly diskBytes: number;
  /** When these were read, epoch milliseconds. */
  readonly at: number;
};

export type EngineView = {
  /** Also its ticketId, and the name that its log directory has. */
  readonly engineId: string;
  /** Unique in the cluster, `host:port` of its ECM with the engine's id after a `_`; what REST calls `instance`. */
  readonly instance: string;
  readonly engineType: string;
  readonly version: string;
  readonly user: string;
  readonly creator: string;
  readonly tenant: string;
  readonly status: EngineNodeStatus;
  readonly health: NodeHealth;
  /** `host:port` of the ECM that holds it. */
  readonly ecm: string;
  /** `host:port` of the entrance that uses it; empty while nobody does. */
  readonly entrance: string;
  readonly pid: number | null;
  /** The job that it runs. */
  readonly taskID: number | null;
  /** Jobs it was given since its start. */
  readonly jobCount: number;
  readonly startedAt: number;
  readonly updatedAt: number;
  /** Reserved for it in the ledger. */
  readonly reserved: Resources;
  readonly metrics: EngineMetrics | null;
};

/** Of the host an ECM runs on. */
export type HostLoad = {
  readonly memoryBytesTotal: number;
  readonly memoryBytesFree: number;
  readonly cpuCount: number;
  /** Share of all processors over the last interval, 0 … 1. */
  readonly cpuShare: number;
  readonly loadAverage: number;
};

export type EcmView = {
  /** `host:port` */
  readonly instance: string;
  readonly health: NodeHealth;
  /** Why it is not `Healthy`; empty otherwise. */
  readonly healthReason: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly engineTypes: readonly string[];
  readonly capacity: Resources;
  /** Sum of the reservations of its live engines. */
  readonly used: Resources;
  readonly load: HostLoad | null;
  readonly startedAt: number;
  readonly description: string;
};

/** What one user and creator have of one engine type (empty texts: of all), against their quota. */
export type ResourceUse = {
  readonly user: string;
  readonly creator: string;
  readonly engineType: string;
  readonly version: string;
  readonly tenant: string;
  readonly max: Resources;
  readonly used: Resources;
  /** Reserved for engines that are still starting. */
  readonly locked: Resources;
  readonly runningJobs: number;
  readonly queuedJobs: number;
};

/** Whether reservations and engines are the same (G5). All lists are empty when nothing is wrong. */
export type LedgerCheck = {
  /** `host:port` of the manager, and its fence. */
  readonly manager: string;
  readonly fence: number;
  readonly reservations: number;
  /** Accounts whose sum is not that of their reservations. */
  readonly drift: readonly string[];
  /** Reserved, and no ECM has such an engine; beyond those that were granted a moment ago. */
  readonly missing: readonly string[];
  /** Engines without a reservation. */
  readonly unknown: readonly string[];
  /** What was wrong since this manager began, and has been put right. */
  readonly healed: number;
};

/** What was done to end processes (G4). */
export type KillReceipt = {
  /** In order, such as `SIGTERM`, `SIGKILL`. */
  readonly signals: readonly string[];
  /** Processes that were there and are gone. */
  readonly processesEnded: number;
  /** Their pids, at most 100. */
  readonly pids: readonly number[];
  readonly tookMs: number;
  /** Reservations that were given back. */
  readonly returned: Resources;
};

export type EngineLogRequest = {
  readonly logType: 'stdout' | 'stderr' | 'gc' | 'yarnApp' | 'udfLog';
  /** From 1. */
  readonly fromLine: number;
  readonly pageSize: number;
  /** The last so many lines instead; 0: by `fromLine`. */
  readonly lastRows: number;
  readonly enableTail: boolean;
  readonly ignoreKeywords?: readonly string[];
  readonly onlyKeywords?: readonly string[];
};

export type EngineLogPage = {
  readonly logPath: string;
  readonly logs: readonly string[];
  /** Lines scanned. */
  readonly endLine: number;
  /** Lines returned. */
  readonly rows: number;
};

/** Each method rejects with a `LinkisError` where what it needs can't be reached. No permission checks: callers do them. */
export type EngineGovernance = {
  readonly engines: () => Promise<readonly EngineView[]>;
  readonly ecms: () => Promise<readonly EcmView[]>;
  readonly resources: () => Promise<readonly ResourceUse[]>;
  /** Compares the ledger with itself and with what every ECM has. */
  readonly verify: () => Promise<LedgerCheck>;
  /**
   * Ends one engine, its job included. Undefined: there is none with that `instance` or `engineId`; with `onlyIdle` also:
   * it has work, or got some just now.
   */
  readonly endEngine: (
    engine: string,
    by: Caller,
    options?: {readonly onlyIdle?: boolean},
  ) => Promise<KillReceipt | undefined>;
  /** `UnHealthy`: gets no more jobs, and ends when it has none. False: no such engine. */
  readonly setEngineHealth: (engine: string, health: 'Healthy' | 'UnHealthy') => Promise<boolean>;
  /** False: no such ECM. */
  readonly setEcm: (
    instance: string,
    change: {readonly health?: NodeHealth; readonly description?: string},
  ) => Promise<boolean>;
  /** Undefined: its ECM does not know the engine, and has nothing left of it. */
  readonly engineLog: (
    ecm: string,
    engine: string,
    request: EngineLogRequest,
  ) => Promise<EngineLogPage | undefined>;
};

/** What limits a user, creator and engine type; from the configuration tables, see docs/configuration.md. */
export type Quota = {
  /** `wds.linkis.rm.client.memory.max`, `wds.linkis.rm.client.core.max`, `wds.linkis.rm.instance` */
  readonly max: Resources;
  /** What one engine of that type reserves. */
  readonly engine: Resources;
  /** Jobs that run at a time: `wds.linkis.engine.running.job.max`. */
  readonly runningMax: number;
  /** Jobs that wait. */
  readonly waitingMax: number;
  /** Milliseconds an idle engine is kept. */
  readonly engineIdleMs: number;
  /** Jobs after which an engine ends; 0: any number. `wds.linkis.engineconn.max.task.execute.num` */
  readonly engineJobsMax: number;
  /** Idle engines kept ready. */
  readonly warmEngines: number;
};

export type TenantQuota = {
  readonly max: Resources;
  readonly runningMax: number;
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  /** Share of contended engines, against those of other tenants. */
  readonly weight: number;
};

/** Answers from memory: configuration is read before it is asked, and again when it has changed. */
export type QuotaSource = {
  readonly quotaOf: (key: {
    readonly user: string;
    readonly creator: string;
    /** Type without version. */
    readonly engineType: string;
  }) => Quota;
  readonly tenantQuotaOf: (tenant: string) => TenantQuota;
  /** Told after each change; returns what ends it. */
  readonly onChange: (listener: () => void) => () => void;
};
