/** The HTTP and WebSocket side of a node: facade, files and streams on one port. */
import {randomBytes} from 'node:crypto';
import type {Logger} from 'pino';
import type {EngineGovernance} from './actors/engine-governance.ts';
import type {NodeGoverning} from './node-governing.ts';
import type {ClusterView} from './actors/cluster-view.ts';
import type {Governance} from './actors/governance.ts';
import type {Routing} from './actors/instance-label-service.ts';
import type {JobFiles} from './actors/job-files.ts';
import {whyRemoved} from './actors/retention.ts';
import {systemClock} from './actors/runtime/clock.ts';
import type {Config} from './config.ts';
import {createFacade} from './http/facade.ts';
import {fileRoutes} from './http/files/file-routes.ts';
import type {Metric} from './http/metrics.ts';
import {attachStreams} from './http/stream/stream-server.ts';
import type {Database} from './persistence/database.ts';
import {workbook} from './persistence/files/workbook.ts';
import {verifyPassword} from './persistence/password.ts';

export type NodeFacade = {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly close: () => Promise<void>;
};

export type NodeFacadeDependencies = {
  readonly config: Config;
  readonly governance: Governance;
  readonly database: Database;
  readonly routing: Routing;
  readonly files: JobFiles;
  readonly cluster: ClusterView;
  readonly engineTypes: readonly string[];
  readonly metrics: readonly Metric[];
  readonly engines: EngineGovernance;
  readonly governing: Pick<NodeGoverning, 'configuration' | 'audit'>;
  readonly log: Logger;
};

/** Resolves when the port is bound. Rejects with Node's error when it is taken. */
export async function openFacade(dependencies: NodeFacadeDependencies): Promise<NodeFacade> {
  const {config, governance, database, routing, files, cluster, engineTypes, metrics, log} = dependencies;
  const {engines, governing} = dependencies;
  const {audit} = governing.audit;
  const {http, dataDirectory} = config;
  // Known in full only once the port is bound; error bodies read it when they are made.
  const instance = {host: http.host, port: http.port};
  const clock = systemClock;
  const facade = await createFacade(
    {
      governance,
      jobs: database.jobs,
      history: database.history,
      exportRows: (name, head, rows) => workbook([{name, head, isNumeric: head.map(() => false), rows}]),
      accounts: database.accounts,
      clock,
      log,
      randomBytes,
      verifyPassword,
      instance,
      routing,
      cluster,
      engineTypes,
      metrics,
      engines,
      configuration: governing.configuration,
      engineRecords: database.engineRecords,
      audit,
      auditStore: database.audit,
    },
    http,
  );
  await facade.register(fileRoutes, {
    governance,
    files,
    audit,
    directory: dataDirectory,
    whyRemoved: (kind, job) => whyRemoved(kind, job, config.retention, clock.now()),
  });
  const streams = attachStreams(facade.server, {
    governance,
    authenticateUpgrade: facade.authenticateUpgrade,
    corsOrigins: http.corsOrigins,
    settings: config.stream,
    audit,
    log,
    clock,
  });
  // What already ticks would keep the process of a start that failed alive.
  const {url, host, port} = await facade.listen().catch(async (error: unknown) => {
    await streams.close();
    await facade.close();
    throw error;
  });
  instance.host = host;
  instance.port = port;
  return {
    url,
    host,
    port,
    async close() {
      await streams.close();
      await facade.close();
    },
  };
}
