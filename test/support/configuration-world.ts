/** A facade with the configuration behind it, in memory. */
import type {ExecutionContext} from 'ava';
import type {ResourceUse} from '../../actors/engine-governance.ts';
import type {ConfigurationStore} from '../../actors/configuration.ts';
import {createConfigurationService, type ConfigurationService} from '../../actors/configuration-service.ts';
import {watchConfiguration} from '../../actors/configuration-watch.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {manualClock} from './manual-clock.ts';
import {startFacade, type Answer, type FacadeWorld} from './facade-world.ts';
import {createMemoryConfiguration} from './memory-configuration.ts';

export type ConfigurationWorld = {
  readonly facade: FacadeWorld;
  readonly store: ConfigurationStore;
  readonly service: ConfigurationService;
  /** A call below `configuration/` as `alice`, `bob` or `root`. */
  readonly ask: (
    name: string,
    path: string,
    body?: unknown,
    options?: {readonly method?: 'DELETE'; readonly headers?: Readonly<Record<string, string>>},
  ) => Promise<Answer['body'] & {readonly httpStatus: number}>;
};

export const quotaSettings = {
  groupRunningMax: 7,
  groupWaitingMax: 70,
  enginesPerUserMax: 9,
  engineIdleMs: 5000,
};

/** `uses` are what the ledger would tell. */
export async function startConfigurationFacade(
  t: ExecutionContext,
  uses?: readonly ResourceUse[],
): Promise<ConfigurationWorld> {
  const store = createMemoryConfiguration();
  const watch = watchConfiguration({store, clock: manualClock(), random: seededRandom(1), pollMs: 500});
  t.teardown(() => watch.close());
  await watch.refresh();
  const service = createConfigurationService({store, watch, settings: quotaSettings});
  const never = () => Promise.reject(new Error('not asked in these tests'));
  const facade = await startFacade(t, {}, undefined, {
    configuration: service,
    ...(uses !== undefined && {
      engines: {
        engines: never,
        ecms: never,
        verify: () => Promise.reject(new Error('not asked here')),
        resources: async () => uses,
        endEngine: never,
        setEngineHealth: never,
        setEcm: never,
        engineLog: never,
      },
    }),
  });
  return {
    facade,
    store,
    service,
    async ask(name, path, body, {method = 'POST', headers = {}} = {}) {
      const {cookie} = await facade.as(name);
      const response = await fetch(`${facade.url}/api/rest_j/v1/${path}`, {
        method: body === undefined ? 'GET' : method,
        headers: {...(body !== undefined && {'content-type': 'application/json'}), cookie, ...headers},
        ...(body !== undefined && {body: JSON.stringify(body)}),
      });
      return {...((await response.json()) as Answer['body']), httpStatus: response.status};
    },
  };
}

/** Keys of rows in a list of an answer's data. */
export const rowsOf = (data: Record<string, unknown>, name: string): Record<string, unknown>[] =>
  data[name] as Record<string, unknown>[];
