/** What the nodes of a simulated cluster keep on disks: logs, which those of one host share, and each node its outbox. */
import {parseOwner} from '../../actors/domain/owner.ts';
import type {Outbox} from '../../actors/outbox.ts';
import type {JobUpdate, LogStore, StoredJob} from '../../actors/ports.ts';
import type {ClusterProcess} from './cluster-process.ts';
import {createMemoryLogs} from './memory-logs.ts';

export type ClusterDisks = {
  readonly logTexts: () => ReadonlyMap<string, string>;
  /** Updates in all outboxes. */
  readonly outboxSize: () => number;
  /** Logs that only a living process can append to. */
  readonly logsOf: (process: ClusterProcess) => LogStore;
  readonly outboxOf: (process: ClusterProcess) => Outbox;
};

export type ClusterDisksOptions = {
  readonly rows: ReadonlyMap<number, StoredJob>;
  readonly trace: (what: string) => void;
};

export function createClusterDisks({rows, trace}: ClusterDisksOptions): ClusterDisks {
  const logs = createMemoryLogs(false);
  const outboxes = new Map<string, JobUpdate[]>();

  function note(path: string, incarnation: string, lines: Uint8Array): void {
    trace(`${incarnation} logs ${Buffer.from(lines).toString().slice(0, 400).trimEnd()}`);
    const stored = [...rows.values()].find(({row}) => row.logPath === path);
    if (stored === undefined || parseOwner(stored.row.instances).incarnation === incarnation) return;
    trace(`${incarnation} writes into the log of job ${stored.row.id}, which ${stored.row.instances} has`);
  }

  return {
    logTexts: () => logs.texts,
    outboxSize: () => [...outboxes.values()].reduce((sum, updates) => sum + updates.length, 0),
    logsOf: ({hold, incarnation}) => ({
      read: (...args) => hold(logs.read(...args)),
      position: path => hold(logs.position(path)),
      open: (path, key) =>
        hold(
          logs.open(path, key).then(writer => ({
            position: writer.position,
            append: (lines, spoolOffset) =>
              hold(Promise.resolve()).then(() => {
                note(path, incarnation, lines);
                return hold(writer.append(lines, spoolOffset));
              }),
            sync: () => hold(writer.sync()),
            close: () => hold(writer.close()),
          })),
        ),
    }),
    outboxOf({instance, hold}) {
      const kept = outboxes.get(instance) ?? [];
      outboxes.set(instance, kept);
      return {
        append: updates => hold(Promise.resolve()).then(() => void kept.push(...updates)),
        pending: () => hold(Promise.resolve([...kept])),
        clear: () => hold(Promise.resolve()).then(() => void kept.splice(0)),
      };
    },
  };
}
