/** Looks at this host again and again: for the ECM of a cluster's node, and for a node that stands alone. */
import type {Logger} from 'pino';
import {capacityOf, newHealth, withHealthSet, withLoad, type EcmHealth} from './actors/ecm-health.ts';
import type {HostSample, HostView} from './actors/ecm-port.ts';
import {ecmLimitsOf} from './actors/ecm-settings.ts';
import type {NodeHealth, Resources} from './actors/engine-governance.ts';
import type {Clock} from './actors/runtime/clock.ts';
import type {Config} from './config.ts';

type Watching = {
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
  /** `atMs`: monotonic. */
  readonly onLook: (load: HostSample, atMs: number) => void;
};

/** Resolves after the first look, with what ends it. Never rejects: a host that can't be looked at is said once. */
export async function watchHost(
  host: Pick<HostView, 'hostLoad'> | undefined,
  {everyMs, clock, log, onLook}: Watching,
): Promise<() => void> {
  if (host === undefined) return () => undefined;
  let isStopped = false;
  let cancel: (() => void) | undefined;
  let hasFailed = false;

  async function look(view: Pick<HostView, 'hostLoad'>): Promise<void> {
    try {
      const load = await view.hostLoad();
      if (!isStopped) onLook(load, clock.monotonicMs());
      hasFailed = false;
    } catch (error) {
      if (!hasFailed) log.warn({err: error}, 'memory, processors and disk of this host can not be looked at');
      hasFailed = true;
    }
    if (!isStopped) cancel = clock.after(everyMs, () => void look(view));
  }

  await look(host);
  return () => {
    isStopped = true;
    cancel?.();
  };
}

/** What an ECM would know of itself, on a node that has none. */
export type HostHealth = {
  readonly current: () => EcmHealth;
  readonly capacity: () => Resources;
  readonly description: () => string;
  readonly set: (change: {readonly health?: NodeHealth; readonly description?: string}) => void;
  readonly stop: () => void;
};

export async function watchOwnHost({
  host,
  settings,
  enginesMax,
  clock,
  log,
}: {
  readonly host: HostView | undefined;
  readonly settings: Config['ecm'];
  readonly enginesMax: number;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
}): Promise<HostHealth> {
  const limits = ecmLimitsOf(settings);
  let health = newHealth;
  let description = '';
  const stop = await watchHost(host, {
    everyMs: settings.measureEveryMs,
    clock,
    log,
    onLook(load, atMs) {
      health = withLoad(health, load, atMs, limits);
    },
  });
  return {
    current: () => health,
    capacity: () => capacityOf({...limits, enginesMax}, health.load),
    description: () => description,
    set(change) {
      description = change.description ?? description;
      if (change.health !== undefined) health = withHealthSet(health, change.health, description, limits);
    },
    stop,
  };
}
