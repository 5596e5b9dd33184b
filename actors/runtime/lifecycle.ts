/**
 * How an actor ends, always through here and always in this order: no new messages, signal aborted, timers cancelled,
 * leftovers to dead letters → children (last started first; a group's all at once) and effects already decided → the
 * machine's `stopped` → gone from nact → failure reported, watchers and askers told, once. After a crash, effects that
 * still wait are dropped; otherwise they are performed, as they were decided before the stop.
 */
import type {CellNode, Stopping} from './cell-node.ts';
import {endWatches} from './death-watch.ts';
import type {ActorFailure, StopReason} from './machine.ts';

/** Children stopped before the event loop gets its turn: 100,000 at once would hold it for a second. */
const stopsPerTurn = 256;

/** Begins to end `cell`. What can be done at once is; `whenStopped` tells of the rest. Repeating it changes nothing. */
export function stop(cell: CellNode, reason: StopReason): void {
  if (cell.phase === 'stopped') return;
  if (cell.phase === 'running') begin(cell, reason, undefined);
  if (reason === 'failed') cell.dropEffects();
  advance(cell);
}

/** Ends `cell` because its code threw. `during` is the type of the message or effect, never its content. */
export function crash(cell: CellNode, error: unknown, during: string): void {
  const {path, uid, runtime, stopping} = cell;
  runtime.counters.crashes += 1;
  if (cell.phase === 'stopped' || stopping?.failure !== undefined) {
    runtime.log.error({path, uid, during, err: error}, 'An actor that was ending failed once more.');
    // That was what its end waited for, if an effect in flight failed.
    advance(cell);
    return;
  }
  const failure = {path, uid, error, during};
  if (stopping === undefined) begin(cell, 'failed', failure);
  else stopping.failure = failure;
  stop(cell, 'failed');
}

function begin(cell: CellNode, reason: StopReason, failure: ActorFailure | undefined): void {
  cell.phase = 'stopping';
  cell.stopping = {failure, childrenLeft: undefined, hook: 'due', advancing: false, waiters: []};
  cell.closeMailbox(reason);
}

/** Resolves when `cell` has really stopped. Call `stop` first. */
export function whenStopped(cell: CellNode): Promise<void> {
  const {stopping} = cell;
  if (cell.phase === 'stopped' || stopping === undefined) return Promise.resolve();
  return new Promise(resolve => {
    stopping.waiters.push(resolve);
  });
}

/** Goes on with ending `cell` as far as possible. Called whenever something it waited for has happened. */
export function advance(cell: CellNode): void {
  const {stopping} = cell;
  if (cell.phase !== 'stopping' || stopping === undefined || stopping.advancing) return;
  stopping.advancing = true;
  stopChildren(cell, stopping);
  stopping.advancing = false;
  const waits = cell.inTurn || (cell.family?.children.size ?? 0) > 0 || !cell.effectsSettled;
  if (waits || stopping.hook === 'running') return;
  if (stopping.hook === 'due') runHook(cell, stopping);
  if (stopping.hook === 'done') finish(cell, stopping);
}

function stopChildren(cell: CellNode, stopping: Stopping): void {
  stopping.childrenLeft ??= [...(cell.family?.children ?? [])];
  const left = stopping.childrenLeft;
  let stopped = 0;
  for (let child = left.at(-1); child !== undefined; child = left.at(-1)) {
    if (stopped === stopsPerTurn && cell.requestTurn()) return;
    stop(child, 'parentStopped');
    if (child.phase !== 'stopped' && cell.kind === 'actor') return;
    left.pop();
    stopped += 1;
  }
}

function runHook(cell: CellNode, stopping: Stopping): void {
  stopping.hook = 'running';
  try {
    const outcome = cell.runStoppedHook();
    if (outcome === undefined) stopping.hook = 'done';
    else void awaitHook(cell, stopping, outcome);
  } catch (error) {
    crash(cell, error, 'stopped');
    stopping.hook = 'done';
  }
}

async function awaitHook(cell: CellNode, stopping: Stopping, outcome: PromiseLike<void>): Promise<void> {
  try {
    await outcome;
  } catch (error) {
    crash(cell, error, 'stopped');
  }
  stopping.hook = 'done';
  advance(cell);
}

function finish(cell: CellNode, stopping: Stopping): void {
  const {runtime, parent} = cell;
  cell.phase = 'stopped';
  if (cell.kind === 'actor' && parent !== undefined) runtime.counters.actorsAlive -= 1;
  if (cell.host !== undefined) runtime.host.remove(cell.host);
  cell.retire();
  settleAsks(cell);
  report(cell, stopping);
  endWatches(cell);
  for (const resolve of stopping.waiters) resolve();
  if (parent === undefined) return;
  parent.family?.children.delete(cell);
  if (cell.bucket !== undefined) parent.family?.fanOut.give(cell.bucket);
  advance(parent);
}

function report(cell: CellNode, {failure}: Stopping): void {
  if (failure === undefined) return;
  const {log} = cell.runtime;
  const {path, uid, during, error} = failure;
  const onFailure = cell.options?.onFailure;
  if (onFailure === undefined) {
    log.error({path, uid, during, err: error}, 'An actor failed and stays stopped.');
    return;
  }
  try {
    onFailure(failure);
  } catch (thrown) {
    log.error({path, uid, during, err: error}, 'An actor failed and stays stopped.');
    log.error({path, uid, err: thrown}, "What decides about an actor's failure threw.");
  }
}

function settleAsks(cell: CellNode): void {
  while (cell.asks !== undefined) cell.asks.targetStopped();
}

/** Gives up waiting for `cell` and all below it. Returns the paths of those that were still busy, deepest first. */
export function abandon(cell: CellNode): string[] {
  const paths = [...(cell.family?.children ?? [])].toReversed().flatMap(child => abandon(child));
  if (cell.phase === 'stopped') return paths;
  stop(cell, 'shutdown');
  cell.dropEffects();
  const {stopping} = cell;
  if (cell.phase !== 'stopping' || stopping === undefined) return paths;
  finish(cell, stopping);
  return [...paths, cell.path];
}
