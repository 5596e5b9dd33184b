/**
 * Which process of this host has an engine: its node, or a neighbour that adopted it after that node's death.
 *
 *     <engineId>/claim-1  claim-2 …      the highest counts; one process alone can make each
 *
 * A claim holds as long as its process lives. It is never removed, only superseded or marked as released: with numbers
 * that only rise, whoever looked too long ago makes a claim that is there already, and loses. All go with the directory.
 */
import {randomUUID} from 'node:crypto';
import {link, open, readdir, rm} from 'node:fs/promises';
import {renameSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {readEngineFile} from './engine-file.ts';
import {isAlive, readBootId, startTimeOf, type ProcessIdentity} from './process-identity.ts';

/** One life of a node. */
export type ClaimHolder = ProcessIdentity & {readonly incarnation: string};

export type EngineClaim = {
  /** Whether nobody has claimed the engine since, and we have not released it. */
  readonly isHeld: () => Promise<boolean>;
  /** Anybody may have it from now on. At once, since the process may be about to end. Idempotent. */
  readonly release: () => void;
};

/** Whether an incarnation is dead by its lease, though its process may still exist (stopped, or about to end itself). */
export type IsDead = (incarnation: string) => boolean;

const claimBytesMax = 4096;
const claimName = /^claim-(\d+)$/;

/** This process, as the holder of claims. */
export async function thisHolder(incarnation: string): Promise<ClaimHolder> {
  const [startTime, bootId] = await Promise.all([startTimeOf(process.pid), readBootId()]);
  return {incarnation, pid: process.pid, startTime: startTime ?? 0, bootId};
}

/** Undefined when a process that lives has it, somebody else was quicker, or the directory is gone. */
export async function claimEngine(
  directory: string,
  holder: ClaimHolder,
  isDead: IsDead = () => false,
): Promise<EngineClaim | undefined> {
  const highest = await highestClaim(directory);
  if (highest === undefined) return undefined;
  if (highest > 0) {
    const present = await readHolder(join(directory, `claim-${highest}`));
    if (present !== undefined && isSame(present, holder)) return heldClaim(directory, highest);
    if (present !== undefined && !isDead(present.incarnation) && (await isAlive(present))) return undefined;
  }
  const isMade = await makeClaim(directory, highest + 1, holder);
  return isMade ? heldClaim(directory, highest + 1) : undefined;
}

/** For a directory that is being made: nobody else can be there before it has its name. */
export function firstClaim(holder: ClaimHolder): {
  readonly file: string;
  readonly text: string;
  /** Of the directory, once it has the file. */
  readonly held: (directory: string) => EngineClaim;
} {
  return {file: 'claim-1', text: textOf(holder), held: directory => heldClaim(directory, 1)};
}

const textOf = (holder: ClaimHolder): string => `${JSON.stringify(holder)}\n`;

/** 0 for an engine that nobody has claimed; undefined when there is no such directory. */
async function highestClaim(directory: string): Promise<number | undefined> {
  try {
    const names = await readdir(directory);
    return Math.max(0, ...names.map(name => Number(claimName.exec(name)?.[1] ?? 0)));
  } catch {
    return undefined;
  }
}

/** Linked into place, which fails if the name is taken: nobody ever reads a claim that is half written. */
async function makeClaim(directory: string, number: number, holder: ClaimHolder): Promise<boolean> {
  const draft = join(directory, `.claim-${randomUUID()}`);
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(textOf(holder));
    } finally {
      await file.close();
    }
    await link(draft, join(directory, `claim-${number}`));
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  } finally {
    await rm(draft, {force: true});
  }
}

function heldClaim(directory: string, number: number): EngineClaim {
  const path = join(directory, `claim-${number}`);
  let isReleased = false;
  return {
    // Gone with its directory is still ours: nobody else can have it.
    isHeld: async () => !isReleased && ((await highestClaim(directory)) ?? 0) <= number,
    release() {
      if (isReleased) return;
      isReleased = true;
      const draft = join(directory, `.claim-${randomUUID()}`);
      try {
        // Renamed over our own claim: the number stays taken.
        writeFileSync(draft, 'released\n', {flag: 'wx', mode: 0o600});
        renameSync(draft, path);
      } catch {
        // The directory went with the engine; or the disk is full, and the claim ends with this process.
        rmSync(draft, {force: true});
      }
    },
  };
}

/** Undefined for a released claim, and for what a power loss left of one. */
async function readHolder(path: string): Promise<ClaimHolder | undefined> {
  let value: unknown;
  try {
    value = JSON.parse((await readEngineFile(dirname(path), path, claimBytesMax)).toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const {incarnation, pid, startTime, bootId}: Record<string, unknown> = {...value};
  return typeof incarnation === 'string' &&
    typeof pid === 'number' &&
    typeof startTime === 'number' &&
    typeof bootId === 'string'
    ? {incarnation, pid, startTime, bootId}
    : undefined;
}

const isSame = (one: ClaimHolder, other: ClaimHolder): boolean =>
  one.incarnation === other.incarnation &&
  one.pid === other.pid &&
  one.startTime === other.startTime &&
  one.bootId === other.bootId;
