/** The configuration of a node: read from the database, kept up to date, and the quotas that follow from it. */
import type {Logger} from 'pino';
import {createConfigurationService, type ConfigurationService} from './actors/configuration-service.ts';
import {watchConfiguration} from './actors/configuration-watch.ts';
import type {QuotaSettings} from './actors/quota.ts';
import type {Clock} from './actors/runtime/clock.ts';
import type {Random} from './actors/runtime/random.ts';
import type {Database} from './persistence/database.ts';

export type NodeConfiguration = ConfigurationService & {readonly close: () => void};

export type NodeConfigurationDependencies = {
  readonly database: Pick<Database, 'configuration'>;
  readonly settings: QuotaSettings;
  readonly clock: Clock;
  readonly random: Random;
  /** How soon changes of other nodes are seen. */
  readonly pollMs: number;
  readonly log: Logger;
};

/** Resolves when it has been read. A database that is away now leaves the node's own settings in force until it is back. */
export async function openConfiguration({
  database,
  settings,
  clock,
  random,
  pollMs,
  log,
}: NodeConfigurationDependencies): Promise<NodeConfiguration> {
  const store = database.configuration;
  const watch = watchConfiguration({
    store,
    clock,
    random,
    pollMs,
    onFailure: failure => log.warn({error: failure.message}, 'the configuration could not be read'),
  });
  await watch.refresh().catch((error: unknown) => {
    log.warn(
      {err: error},
      "the configuration could not be read; the node's own settings hold until it can be",
    );
  });
  return {...createConfigurationService({store, watch, settings}), close: watch.close};
}
