/** The port for health and metrics of a node without a facade; see the setting `health`. */
import type {Logger} from 'pino';
import type {Governance} from './actors/governance.ts';
import {systemClock} from './actors/runtime/clock.ts';
import {parseNodeAddress} from './cluster/node-address.ts';
import type {Config} from './config.ts';
import type {Metric} from './http/metrics.ts';
import {openHealthServer, type HealthServer} from './http/health-server.ts';
import type {Database} from './persistence/database.ts';

export type NodeHealthDependencies = {
  readonly governance: Governance;
  readonly database: Pick<Database, 'ping'>;
  readonly metrics: readonly Metric[];
  readonly log: Logger;
};

/** Resolves when the port is bound; undefined without the setting. Rejects with Node's error when it is taken. */
export async function openNodeHealth(
  {node, http}: Pick<Config, 'node' | 'http'>,
  {governance, database, metrics, log}: NodeHealthDependencies,
): Promise<HealthServer | undefined> {
  if (node.health === '') return undefined;
  const address = parseNodeAddress(node.health);
  // The configuration has checked it.
  if (typeof address === 'string') throw new Error(address);
  const server = await openHealthServer(
    {
      governance,
      metrics,
      clock: systemClock,
      ping: () => database.ping(),
      onFault: (error, during) => log.error({err: error}, `failed: ${during}`),
    },
    {...address, hasGroups: !http.metricsNeedLogin},
  );
  log.info({host: server.host, port: server.port}, 'health and metrics');
  return server;
}
