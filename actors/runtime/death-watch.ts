/**
 * Who wants to know when an actor has stopped. Each watch fires once, also when the actor had stopped before; it ends
 * with either side, so that a long-lived actor doesn't collect the watches of short-lived ones.
 */
import type {CellNode, Watch} from './cell-node.ts';
import {cellOf} from './local-ref.ts';
import {RemoteTarget} from './remote-target.ts';
import type {Ref} from './ref.ts';

/**
 * Calls `notify` when the actor behind `ref` has stopped, at once if it has; never if `watcher` stops first. An actor of
 * another process has stopped when that process says so, or is gone for good; a cut link alone ends nothing.
 */
export function watch(watcher: CellNode, ref: Ref<never>, notify: () => void): void {
  const target = cellOf(ref) ?? RemoteTarget.of(ref);
  if (target === undefined) {
    const {path, runtime} = watcher;
    runtime.log.warn(
      {path, target: ref.path},
      'A ref that is neither an actor nor of another process cannot be watched; ignored.',
    );
    return;
  }
  if (watcher.phase !== 'running') return;
  if (target instanceof RemoteTarget ? target.hasEnded : target.phase === 'stopped') {
    notify();
    return;
  }
  const entry: Watch = {target, watcher, notify};
  (target.watchers ??= new Set()).add(entry);
  (watcher.watching ??= new Set()).add(entry);
}

/** Ends the watches that `cell` set, and tells those that watch it. Called once, when it has stopped. */
export function endWatches(cell: CellNode): void {
  for (const entry of cell.watching ?? []) entry.target.watchers?.delete(entry);
  cell.watching = undefined;
  const watchers = cell.watchers ?? [];
  cell.watchers = undefined;
  for (const entry of watchers) {
    entry.watcher.watching?.delete(entry);
    entry.notify();
  }
}
