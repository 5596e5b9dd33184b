/**
 * What becomes of the engines that an entrance starts, noted for their history: asked for, up, ended. Nothing waits for it, and a
 * database that is away costs the note, not the engine.
 */
import {engineInstance} from './engine-name.ts';
import type {PooledEngine} from './engine-pool-state.ts';
import type {EnginePoolReport} from './engine-pool-protocol.ts';
import type {EngineRecordChange, EngineRecordStore} from './engine-record.ts';
import type {LauncherMessage} from './engine-launcher.ts';
import {defaultVersionOf} from './domain/engine-version.ts';
import type {Resources} from './engine-governance.ts';
import type {Clock} from './runtime/clock.ts';
import type {Ref} from './runtime/ref.ts';

export type EngineLaunches = {
  /** Notes the launch, and sees to it that its reports are noted on their way to the pool. */
  readonly begin: (order: LauncherMessage & {type: 'launch'}) => LauncherMessage & {type: 'launch'};
  /** Epoch milliseconds; undefined for engines of earlier processes. */
  readonly startedAt: (engineId: string) => number | undefined;
};

export type EngineLaunchesDependencies = {
  readonly records: Pick<EngineRecordStore, 'append' | 'update'> | undefined;
  readonly clock: Clock;
  readonly instance: string;
  readonly engines: ReadonlyMap<string, PooledEngine>;
  readonly onFailure: (engineId: string, error: unknown) => void;
};

export function noteLaunches({
  records,
  clock,
  instance,
  engines,
  onFailure,
}: EngineLaunchesDependencies): EngineLaunches {
  const live = new Map<
    string,
    {readonly atMs: number; readonly reserved: Resources; noted: Promise<unknown>}
  >();

  function note(engineId: string, change: EngineRecordChange): void {
    const launch = live.get(engineId);
    if (launch === undefined || records === undefined) return;
    // In their order: an end that overtakes its launch would find no row.
    launch.noted = launch.noted
      .then(() => records.update(engineId, change))
      .catch((error: unknown) => onFailure(engineId, error));
  }

  function reported(report: EnginePoolReport): void {
    const now = clock.now();
    switch (report.type) {
      case 'engineStarted': {
        const used = live.get(report.engineId)?.reserved;
        if (used !== undefined) note(report.engineId, {status: 'Unlock', used, usedTime: now});
        return;
      }
      case 'launchFailed':
        note(report.engineId, {
          status: 'Failed',
          releaseTime: now,
          metrics: JSON.stringify({error: report.failure.message.slice(0, 2000)}),
        });
        live.delete(report.engineId);
        return;
      case 'engineExited': {
        const {engineId} = report;
        const released = live.get(engineId)?.reserved;
        const wasAsked = engines.get(engineId)?.status === 'ending';
        if (released !== undefined) {
          note(engineId, {status: wasAsked ? 'Success' : 'Failed', released, releaseTime: now});
        }
        live.delete(engineId);
        return;
      }
      default:
        return;
    }
  }

  return {
    startedAt: engineId => live.get(engineId)?.atMs,
    begin(order) {
      const {engineId, key, ecm, reserved, pool} = order;
      const atMs = clock.now();
      const {user, creator, engineType} = key;
      const host = ecm === '' ? instance : ecm;
      const noted =
        records === undefined
          ? Promise.resolve()
          : records
              .append({
                ticketId: engineId,
                user,
                creator,
                engineType,
                version: defaultVersionOf(engineType),
                instance: engineInstance(host, engineId),
                ecm: host,
                logDirSuffix: engineId,
                requested: reserved,
                createTime: atMs,
              })
              .catch((error: unknown) => onFailure(engineId, error));
      live.set(engineId, {atMs, reserved, noted});
      const observed: Ref<EnginePoolReport> = {
        path: pool.path,
        uid: pool.uid,
        tell(report) {
          reported(report);
          return pool.tell(report);
        },
      };
      return {...order, pool: observed};
    },
  };
}
