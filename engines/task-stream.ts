/**
 * The events of the task that an owner follows, whichever way its spool comes: pushed over the link, or read from the
 * file while there is no link. Both are joined by offset, so nothing is lost and nothing comes twice.
 */
import type {Clock} from '../actors/runtime/clock.ts';
import {EngineRefusedError} from './engine-errors.ts';
import type {EngineDirectory} from './engine-directory.ts';
import type {DataFrame} from './engine-frame.ts';
import type {EngineLink} from './engine-link.ts';
import type {EngineLog} from './engine-log.ts';
import {SpoolDamagedError} from './spool-record.ts';
import {readSpool} from './spool-reader.ts';
import {createTaskFollower, type Consume, type TaskFollower} from './task-follower.ts';

const readBytesMax = 256 * 1024;
/** Read so often and still wrong: what is behind can't be trusted. */
const damageMax = 3;

export type TaskStream = {
  readonly follow: (taskID: number, attempt: number, fromOffset: number, consume: Consume) => void;
  readonly isFollowing: () => boolean;
  /** A new link, or none; over a new one the engine is asked to go on where we are. */
  readonly use: (link: EngineLink | undefined) => void;
  readonly accept: (data: DataFrame) => void;
  /** Takes what the file has, as far as the consumer's window allows now. */
  readonly catchUp: () => Promise<void>;
  /** Nobody writes any more: reads to the end and waits for the consumer. Resolves with the bytes no record explains. */
  readonly finish: () => Promise<number>;
  readonly forget: (taskID: number, attempt: number) => void;
  /** Whoever followed does no more; what comes before the next follower is not kept. */
  readonly unfollow: () => void;
  readonly stop: () => void;
};

export function createTaskStream(options: {
  readonly engineId: string;
  readonly directory: EngineDirectory;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly windowBytes: number;
  /** The spool of a living engine is damaged beyond reading again. */
  readonly onDamaged: () => void;
}): TaskStream {
  const {engineId, directory, clock, log, windowBytes, onDamaged} = options;
  const readBytes = Math.min(readBytesMax, Math.ceil(windowBytes / 4));
  let follower: TaskFollower | undefined;
  let link: EngineLink | undefined;
  let isAsking = false;
  let damages = 0;
  let isStopped = false;

  /** Asks the engine to go on where we are; one request at a time. */
  function ask(): void {
    if (follower === undefined || link === undefined || isAsking) return;
    if (damages >= damageMax) {
      onDamaged();
      return;
    }
    const {taskID, attempt} = follower;
    const asked = link;
    isAsking = true;
    const answered = (): void => {
      if (asked === link) isAsking = false;
    };
    asked
      .request('follow', {taskID, attempt, from: follower.received(), acknowledged: follower.delivered()})
      .then(answered, (error: unknown) => {
        answered();
        log.warn({engineId, taskID, err: error}, 'the engine does not let us follow');
        // Its spool has not got what was read of it before: nothing after can be trusted, and nobody would ever wake us.
        if (error instanceof EngineRefusedError && error.reason === 'badOffset') onDamaged();
      });
  }

  /** False: these bytes do not continue what is here. */
  function take(current: TaskFollower, offset: number, bytes: Buffer): boolean {
    try {
      const isTaken = current.accept(offset, bytes);
      if (isTaken) damages = 0;
      return isTaken;
    } catch (error) {
      if (!(error instanceof SpoolDamagedError)) throw error;
      damages++;
      log.warn({engineId, taskID: current.taskID, err: error}, 'a damaged spool record');
      current.rewind();
      return false;
    }
  }

  /** Reads on until the file ends, or `mayGoOn` says no. */
  async function readFile(mayGoOn: (current: TaskFollower) => Promise<boolean>): Promise<void> {
    while (follower !== undefined && !isStopped) {
      const current = follower;
      if (!(await mayGoOn(current))) return;
      const offset = current.received();
      const bytes = await readSpool(directory, current.taskID, current.attempt, offset, readBytes);
      if (current !== follower) continue;
      if (bytes.length === 0 || !take(current, offset, bytes)) return;
    }
  }

  return {
    follow(taskID, attempt, fromOffset, consume) {
      follower?.stop();
      damages = 0;
      follower = createTaskFollower({
        taskID,
        attempt,
        fromOffset,
        consume,
        clock,
        onDelivered: offset => link?.acknowledge(taskID, attempt, offset),
        onConsumerFailed: error => log.warn({engineId, taskID, err: error}, 'events were not taken over'),
      });
      isAsking = false;
      ask();
    },
    isFollowing: () => follower !== undefined,
    use(next) {
      link = next;
      isAsking = false;
      ask();
    },
    accept({taskID, attempt, offset, bytes}) {
      if (follower === undefined || follower.taskID !== taskID || follower.attempt !== attempt) return;
      if (!take(follower, offset, bytes)) ask();
    },
    catchUp: () =>
      readFile(async current => current.received() - current.delivered() < windowBytes - readBytes),
    async finish() {
      await readFile(async current => {
        await current.drained(windowBytes - readBytes);
        return true;
      });
      if (follower === undefined) return 0;
      await follower.drained(0);
      const {taskID, attempt, decoded} = follower;
      return (await readSpool(directory, taskID, attempt, decoded(), readBytes)).length;
    },
    forget(taskID, attempt) {
      if (follower?.taskID !== taskID || follower.attempt !== attempt) return;
      follower.stop();
      follower = undefined;
    },
    unfollow() {
      follower?.stop();
      follower = undefined;
    },
    stop() {
      isStopped = true;
      follower?.stop();
    },
  };
}
