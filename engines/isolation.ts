/**
 * Whether engines run as the account of their user (`governance.isolation`), and as which. Without isolation they run as the
 * node does, and user code can read all that the node can.
 */
import {readFile, stat} from 'node:fs/promises';
import {dirname} from 'node:path';
import type {Clock} from '../actors/runtime/clock.ts';
import {EngineIsolationError} from './engine-errors.ts';
import {findAccount, type OsAccount} from './os-account.ts';

export type Isolation = {
  /** Undefined: the node's own. Rejects with `EngineIsolationError` when the user may have no engine. */
  readonly accountOf: (user: string) => Promise<OsAccount | undefined>;
};

export const noIsolation: Isolation = {accountOf: async () => undefined};

const rememberMs = 30_000;
const rememberMax = 10_000;

/** What it takes, by its bit in `CapEff`. */
const capabilities: Readonly<Record<string, number>> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SYS_PTRACE: 19,
};

/** Rejects with `EngineIsolationError` where the node may not switch users, or users could not reach what they need. */
export async function userIsolation({
  pythonPath,
  uidMin,
  needed,
  clock,
}: {
  readonly pythonPath: string;
  /** Accounts below belong to the system. */
  readonly uidMin: number;
  /** Files and folders that engines need: every user must be able to get there. */
  readonly needed: readonly string[];
  readonly clock: Clock;
}): Promise<Isolation> {
  await requireCapabilities();
  for (const path of [pythonPath, ...needed]) await requireReachable(path);
  const known = new Map<string, {readonly account: OsAccount; readonly untilMs: number}>();

  return {
    async accountOf(user) {
      const nowMs = clock.monotonicMs();
      const found = known.get(user);
      if (found !== undefined && found.untilMs > nowMs) return found.account;
      const account = await findAccount(pythonPath, user).catch((cause: unknown) => {
        throw new EngineIsolationError(
          `The account of user ${user} could not be looked up: ${String(cause)}. Look at the host's user directory.`,
          {cause},
        );
      });
      requireFit(user, account, uidMin);
      if (known.size >= rememberMax) known.clear();
      known.set(user, {account, untilMs: nowMs + rememberMs});
      return account;
    },
  };
}

function requireFit(
  user: string,
  account: OsAccount | undefined,
  uidMin: number,
): asserts account is OsAccount {
  if (account === undefined) {
    throw new EngineIsolationError(
      `User ${user} has no account on this host, and engines run as their users here (governance.isolation).` +
        ` Make an account named ${user}, or submit as a user that has one.`,
    );
  }
  if (account.uid < uidMin || account.uid === 0) {
    throw new EngineIsolationError(
      `The account ${user} belongs to the system: its uid is ${account.uid}, and engines run from uid ${uidMin} on` +
        ` (governance.isolationUidMin). Submit as another user.`,
    );
  }
}

async function requireCapabilities(): Promise<void> {
  const status = await readFile('/proc/self/status', 'latin1');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const missing = Object.entries(capabilities).filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (missing.length === 0) return;
  throw new EngineIsolationError(
    `Engines cannot run as their users (governance.isolation): this node lacks ${missing.map(([name]) => name).join(', ')}.` +
      ' Start it as root or with these capabilities, or set governance.isolation to off.',
  );
}

/** By the rights of everybody: whose groups would help is not known before there is a user. */
async function requireReachable(path: string): Promise<void> {
  const found = await stat(path);
  const needs = found.isDirectory() ? 0o001 : 0o004;
  if ((found.mode & needs) !== needs) throw closed(path, path);
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) throw closed(path, folder);
    if (folder === dirname(folder)) return;
  }
}

const closed = (path: string, where: string): EngineIsolationError =>
  new EngineIsolationError(
    `Engines cannot run as their users (governance.isolation): they need ${path}, and ${where} is closed to others.` +
      ' Open it (chmod o+x), or put Tenon, its Python and its data directory where users can get.',
  );
