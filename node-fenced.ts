/**
 * What only the owner of a job may write, behind the lease of its node. Records fail while the lease can't be proven, as when
 * the database is away, and wait in the outbox. Logs wait: a job's output is in its spool, and a successor on this host may
 * be writing the same file. Whoever was fenced for good ends as a process before it gets any further.
 */
import type {Membership} from './actors/membership.ts';
import {DatabaseAwayError, type JobStore, type LogStore, type LogWriter} from './actors/ports.ts';

type Proof = Pick<Membership, 'mayAct' | 'onChange'>;

export const fencedStore = (store: JobStore, {mayAct}: Proof): JobStore => ({
  ...store,
  commit: writes =>
    mayAct()
      ? store.commit(writes)
      : Promise.reject(
          new DatabaseAwayError('The lease of this node could not be renewed.', {isUndone: true}),
        ),
});

export function fencedLogs(logs: LogStore, membership: Proof): LogStore {
  const behindLease = (): Promise<void> | undefined => (membership.mayAct() ? undefined : thawed(membership));
  const fenced = (writer: LogWriter): LogWriter => ({
    ...writer,
    position: () => writer.position(),
    sync: () => writer.sync(),
    close: () => writer.close(),
    async append(lines, spoolOffset) {
      await behindLease();
      return writer.append(lines, spoolOffset);
    },
  });
  return {
    read: (...range) => logs.read(...range),
    position: path => logs.position(path),
    async open(path, key) {
      await behindLease();
      return fenced(await logs.open(path, key));
    },
  };
}

const thawed = ({mayAct, onChange}: Proof): Promise<void> =>
  new Promise(resolve => {
    const stop = onChange(({type}) => {
      if (type !== 'thawed' || !mayAct()) return;
      stop();
      resolve();
    });
  });
