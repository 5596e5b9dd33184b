/** Why a node can't become a member. */
import {LinkisError} from './domain/errors.ts';

/** Another live process has this address in the shared database. */
export class InstanceTakenError extends LinkisError {
  override readonly name = 'InstanceTakenError';
  readonly code = 10054;

  constructor(instance: string, holder: string) {
    super(
      `${instance} is in use in this database by another process (${holder}). Stop it, or start this one with` +
        ' another --listen; if that process is gone, its lease ends within 11 s.',
    );
  }
}
