/**
 * Reads logs where they lie: on the node that has, or had, the job. A log that can't be reached is named as such and
 * never shown as an empty one. While an unfinished job changes hands the reader waits for its next owner.
 */
import {LinkisError} from './domain/errors.ts';
import {isTerminal} from './domain/job.ts';
import type {Governance} from './governance.ts';
import type {JobOwners} from './job-owners.ts';
import type {StoredJob} from './ports.ts';
import type {Asker} from './remote-call.ts';
import {remoteEntrance} from './remote-entrance.ts';
import {isUnreached} from './remote-unreached.ts';
import type {Clock} from './runtime/clock.ts';

/** The node in whose data directory the log is can't be reached. The lines are not known to be lost. */
export class LogUnavailableError extends LinkisError {
  override readonly name = 'LogUnavailableError';
  readonly code = 20960;
  override readonly retryable = true;

  constructor(taskID: number, instance: string, isAlive: boolean, cause?: unknown) {
    const why = isAlive ? 'which this node can not reach now' : 'which is not running';
    super(
      `The log of job ${taskID} lies on ${instance}, ${why}. Ask again when tenon nodes shows it as up.`,
      {cause},
    );
  }
}

export type LogReader = Pick<Governance, 'logPosition' | 'readLog'>;

/** For the owner of an unfinished job to be taken over from, or to be reached again. */
const patienceMs = {dead: 15_000, unreachable: 2000};
const lookAgainMs = 1000;
const askAgainMs = 100;

export type RemoteLogDependencies = {
  readonly owners: JobOwners;
  readonly local: Governance | undefined;
  /** Reads the logs that a row holds whole, wherever their job ran. */
  readonly rowLogs: LogReader | undefined;
  /** Whether the log file of an ended job can be read here although its holder is away: it was a neighbour on this host. */
  readonly isWithinReach?: (path: string) => boolean;
  readonly system: Asker;
  readonly clock: Clock;
};

export function createRemoteLog(dependencies: RemoteLogDependencies): LogReader {
  const {owners, local, rowLogs, isWithinReach = () => false, system, clock} = dependencies;
  const lieHere = ({row}: StoredJob): boolean => isTerminal(row.status) && isWithinReach(row.logPath);

  async function atHolder<Answer>(
    taskID: number,
    read: (reader: LogReader) => Promise<Answer | undefined>,
  ): Promise<Answer | undefined> {
    const startMs = clock.monotonicMs();
    let place = await owners.locate(taskID);
    for (;;) {
      let failure: unknown;
      // Each round depends on what the one before found.
      // oxlint-disable no-await-in-loop
      switch (place.type) {
        case 'none':
          return undefined;
        case 'here':
          if (local !== undefined) return read(local);
          break;
        case 'there':
          if (rowLogs !== undefined && hasWholeLog(place.stored)) return read(rowLogs);
          try {
            return await read(remoteEntrance(system, place.owner.instance, place.entrance));
          } catch (error) {
            if (!isUnreached(error)) throw error;
            failure = error;
          }
          break;
        case 'away':
          if (rowLogs !== undefined && (hasWholeLog(place.stored) || lieHere(place.stored)))
            return read(rowLogs);
      }
      const {owner, stored} = place;
      const isAlive = place.type !== 'away' || place.isAlive;
      const leftMs = startMs + (isAlive ? patienceMs.unreachable : patienceMs.dead) - clock.monotonicMs();
      const isFinal = stored !== undefined && isTerminal(stored.row.status);
      if (isFinal || leftMs <= 0) throw new LogUnavailableError(taskID, owner.instance, isAlive, failure);
      await owners.changed(Math.min(place.type === 'away' ? lookAgainMs : askAgainMs, leftMs));
      owners.forget(taskID);
      place = await owners.look(taskID);
      // oxlint-enable no-await-in-loop
    }
  }

  return {
    logPosition: taskID => atHolder(taskID, reader => reader.logPosition(taskID)),
    readLog: (taskID, ...range) => atHolder(taskID, reader => reader.readLog(taskID, ...range)),
  };
}

const hasWholeLog = (stored: StoredJob | undefined): boolean =>
  stored !== undefined && isTerminal(stored.row.status) && stored.facts.logText !== null;
