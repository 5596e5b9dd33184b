/**
 * What commands that work on the database itself leave in the audit: no node takes these calls, so the account of the
 * operating system that ran the command stands as who did it.
 */
import {hostname, userInfo} from 'node:os';
import {nanoid} from 'nanoid';
import type {AuditEntry, AuditStore} from '../actors/audit.ts';
import {systemClock} from '../actors/runtime/clock.ts';
import {printAudited} from '../http/audit-text.ts';
import {CommandError} from './command-error.ts';
import {exitCodes} from './exit-code.ts';

export type CommandAction = 'userAdded' | 'userRemoved' | 'passwordChanged' | 'tokenAdded' | 'tokenRevoked';

export type CommandNote = {
  /** `user:bob`, `token:3` */
  readonly target: string;
  readonly before?: unknown;
  readonly after?: unknown;
};

export type NoteChange = (action: CommandAction, note: CommandNote) => Promise<void>;

/** The change is done, and nobody will find it in the audit. */
export class UnauditedChangeError extends CommandError {
  override readonly name = 'UnauditedChangeError';
  readonly exitCode = exitCodes.failed;
}

/** Rejects with `UnauditedChangeError`. */
export const noteInto =
  (store: Pick<AuditStore, 'append'>): NoteChange =>
  async (action, {target, before, after}) => {
    const entry: AuditEntry = {
      entryId: `cli-${nanoid()}`,
      at: systemClock.now(),
      user: `os:${accountName()}`,
      action,
      target,
      outcome: 'done',
      address: hostname(),
      requestId: '',
      node: '',
      before: printAudited(before),
      after: printAudited(after),
      details: '',
    };
    try {
      await store.append([entry]);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new UnauditedChangeError(`${target} is changed, but the audit does not say so: ${why}`);
    }
  };

/** Some containers run under a number that has no name. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
