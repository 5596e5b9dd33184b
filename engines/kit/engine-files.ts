/** The files in which an engine says who it is, and the space it keeps for the end of a task (docs/engine-protocol.md, 1). */
import {closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import {protocolVersion} from '../engine-frame.ts';
import {readBootId, startTimeOf} from '../process-identity.ts';
import {markVariable} from '../process-sweep.ts';
import type {LaunchLine} from './launch-line.ts';

/** Where the launcher started us; jobs get `work/` below it as their working directory. */
export const engineRoot = process.cwd();
export const workDirectory = join(engineRoot, 'work');

const reserve = join(engineRoot, 'reserve');
const reserveBytes = 64 * 1024;

/** What all processes of this engine inherit; the launcher gave it to us. */
export const engineMark = process.env[markVariable] ?? '';

/** Directories, secret and `engine.json`. */
export async function writeEngineFiles(launch: LaunchLine): Promise<void> {
  for (const name of ['jobs', 'work', 'tmp'])
    mkdirSync(join(engineRoot, name), {recursive: true, mode: 0o700});
  makeReserve();
  writeWhole(join(engineRoot, 'secret'), `${Buffer.from(launch.secret).toString('hex')}\n`);
  const {engineId, engineType, user, creator, socketPath, limits} = launch;
  const identity = {
    protocolVersion,
    engineId,
    engineType,
    user,
    creator,
    pid: process.pid,
    startTime: await startTimeOf(process.pid),
    bootId: await readBootId(),
    socketPath,
    mark: engineMark,
    cgroup: null,
    node: process.version,
    limits,
  };
  writeWhole(join(engineRoot, 'engine.json'), `${JSON.stringify(identity, undefined, 2)}\n`);
}

/** Whole or not at all, for our user only. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.part`, text, {mode: 0o600});
  renameSync(`${path}.part`, path);
}

/** Room that `spendReserve` gives up when the disk is full; on one that is full already the next task tries again. */
export function makeReserve(): void {
  try {
    const file = openSync(reserve, 'wx', 0o600);
    try {
      writeSync(file, Buffer.alloc(reserveBytes, 1));
    } finally {
      closeSync(file);
    }
  } catch {
    // There already, or no room: both are known when it is needed.
  }
}

export const spendReserve = (): void => rmSync(reserve, {force: true});
