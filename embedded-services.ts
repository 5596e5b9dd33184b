/**
 * The services of computation governance by the names that the design has for their calls, for who embeds a node: entrance,
 * manager, ECM and job history. Between nodes the same calls are typed messages; see docs/seed-coverage.md.
 */
import {readdir} from 'node:fs/promises';
import type {
  EcmView,
  EngineGovernance,
  EngineMetrics,
  EngineNodeStatus,
  KillReceipt,
  Resources,
} from './actors/engine-governance.ts';
import type {EngineKey} from './actors/engine-key.ts';
import type {JobStatus} from './actors/domain/job.ts';
import type {Accepted, Caller, Governance, KillReport} from './actors/governance.ts';
import type {GovernanceNode} from './actors/governance-node.ts';
import type {JobHistoryService} from './actors/job-history-service.ts';

export type EngineRequest = {
  /** With or without version: `shell`, `python-python3`. */
  readonly engineType: string;
  readonly user: string;
  /** Default `IDE`. */
  readonly creator?: string;
  readonly tenant?: string;
  /** `host:port` of the ECM it has to be on. */
  readonly ecm?: string;
  /** How long to wait for one. Default 40 s, as Linkis. */
  readonly timeoutMs?: number;
};

export type RequestedEngine = {readonly engineId: string; readonly isReused: boolean};

export type TaskResult = {
  /** Where its result sets lie, in Linkis' text format. */
  readonly location: string;
  /** File names in order: `_0.dolphin` … */
  readonly resultSets: readonly string[];
};

/** All reject with `LinkisError`s. Undefined answers: there is no such job or engine. */
export type ClusterServices = {
  readonly entrance: {
    /** The body of `entrance/submit`, either form. */
    readonly submitTask: (request: unknown, user: string) => Promise<Accepted>;
    readonly getTaskStatus: (taskId: number) => Promise<JobStatus | undefined>;
    readonly cancelTask: (taskId: number, by: string) => Promise<KillReport>;
    readonly getTaskResult: (taskId: number) => Promise<TaskResult | undefined>;
  };
  readonly manager: {
    /** An engine of that user, idle or new, within quota; it is the caller's until it is released. */
    readonly requestEngine: (request: EngineRequest) => Promise<RequestedEngine>;
    readonly releaseEngine: (engineId: string) => void;
    readonly getEngineStatus: (engineId: string) => Promise<EngineNodeStatus | undefined>;
    /** Of one node, `host:port`. */
    readonly getNodeMetrics: (nodeId: string) => Promise<EcmView | undefined>;
  };
  readonly ecm: {
    /** A new engine, which nobody else gets; ended by `terminateEngineConnection`. */
    readonly createEngineConnection: (request: EngineRequest) => Promise<RequestedEngine>;
    readonly terminateEngineConnection: (engineId: string, by: string) => Promise<KillReceipt | undefined>;
    /** What is reserved for it, and what the operating system says it uses. */
    readonly reportEngineResourceUsage: (
      engineId: string,
    ) => Promise<{readonly reserved: Resources; readonly metrics: EngineMetrics | null} | undefined>;
    readonly getEngineMetrics: (engineId: string) => Promise<EngineMetrics | undefined>;
  };
  readonly jobHistory: JobHistoryService;
};

export type ServicesDependencies = {
  readonly governance: Governance;
  readonly engines: EngineGovernance;
  readonly node: Pick<GovernanceNode, 'loans'>;
  readonly history: JobHistoryService;
  readonly callerOf: (user: string) => Caller;
};

const engineWaitMs = 40_000;

export function clusterServices(dependencies: ServicesDependencies): ClusterServices {
  const {governance, engines, node, history, callerOf} = dependencies;

  async function lend(request: EngineRequest, isFresh: boolean): Promise<RequestedEngine> {
    const {timeoutMs = engineWaitMs} = request;
    const {engineId, isReused} = await node.loans.request(keyOf(request), isFresh, timeoutMs);
    return {engineId, isReused};
  }

  const find = async (engineId: string) =>
    (await engines.engines()).find(engine => engine.engineId === engineId || engine.instance === engineId);

  return {
    entrance: {
      submitTask: (request, user) => governance.submit(request, callerOf(user), {}),
      getTaskStatus: async taskId => (await governance.find(taskId))?.status,
      cancelTask: (taskId, by) => governance.kill(taskId, callerOf(by)),
      async getTaskResult(taskId) {
        const stored = await governance.stored(taskId);
        if (stored === undefined) return undefined;
        const location = stored.row.resultLocation;
        // A job without results has no folder for them.
        const names = await readdir(location).catch(() => []);
        const resultSets = names
          .filter(name => /^_\d+\.dolphin$/.test(name))
          .toSorted((a, b) => numberOf(a) - numberOf(b));
        return {location, resultSets};
      },
    },
    manager: {
      requestEngine: request => lend(request, false),
      releaseEngine: node.loans.release,
      getEngineStatus: async engineId => (await find(engineId))?.status,
      getNodeMetrics: async nodeId => (await engines.ecms()).find(({instance}) => instance === nodeId),
    },
    ecm: {
      createEngineConnection: request => lend(request, true),
      terminateEngineConnection: (engineId, by) => engines.endEngine(engineId, callerOf(by)),
      async reportEngineResourceUsage(engineId) {
        const engine = await find(engineId);
        return engine && {reserved: engine.reserved, metrics: engine.metrics};
      },
      getEngineMetrics: async engineId => (await find(engineId))?.metrics ?? undefined,
    },
    jobHistory: history,
  };
}

const numberOf = (name: string): number => Number(name.slice(1, name.indexOf('.')));

function keyOf({engineType, user, creator = 'IDE', tenant = '', ecm = ''}: EngineRequest): EngineKey {
  // All versions of a type are answered by the same engine.
  return {engineType: engineType.split('-', 1)[0] ?? engineType, user, creator, tenant, pin: ecm};
}
