/** Runs `fixtures/owner-node.ts` as a process that a test kills, and starts again, while its engine writes. */
import {spawn, type ChildProcess} from 'node:child_process';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {engineDirectory, readEngineRecord, type EngineRecord} from '../../engines/engine-directory.ts';

/** Who its engine is, while there is one. */
export const engineIn = (directory: string): Promise<EngineRecord | undefined> =>
  readEngineRecord(engineDirectory(join(directory, 'engines', 'loop')));

export type OwnerSays =
  | {
      readonly event: 'begun';
      readonly adopted: boolean;
      readonly pid: number;
      readonly offset: number;
      readonly bytes: number;
    }
  | {
      readonly event: 'ended';
      readonly end: {readonly outcome: string};
      readonly bytes: number;
      readonly sha256: string;
    }
  | {readonly event: 'gone'};

export type KillableOwner = {
  /** The next thing it says; undefined when it has ended. */
  readonly next: () => Promise<OwnerSays | undefined>;
  /** SIGKILL; resolves when it is dead. */
  readonly kill: () => Promise<void>;
};

export function startOwner(directory: string, engineType: string, code: string): KillableOwner {
  const program = fileURLToPath(new URL('fixtures/owner-node.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [program, directory, engineType, code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const dead = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const lines =
    child.stdout === null ? undefined : createInterface({input: child.stdout})[Symbol.asyncIterator]();
  return {
    async next() {
      const line = await lines?.next();
      return line === undefined || line.done === true ? undefined : (JSON.parse(line.value) as OwnerSays);
    },
    async kill() {
      child.kill('SIGKILL');
      await dead;
    },
  };
}
