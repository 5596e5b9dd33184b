/**
 * The only file that imports nact, and only these four functions of it: the named exports that ES modules can load and
 * that none of nact's traps touch. nact gives each actor its place in a tree and its turn of the event loop; messages,
 * faults, stopping and asking are the runtime's own. A turn drains a whole batch of the actor's own mailbox.
 */
import {AsyncResource} from 'node:async_hooks';
import {dispatch, spawn, start, stop, type Ref as NactRef, type SupervisionActorFunc} from 'nact';
import {nextUid} from './uid.ts';

declare const hosted: unique symbol;

/** An actor or system of nact. nact's own `Ref` type is empty, so that a string would pass for one. */
export type HostRef = NactRef<never> & {readonly [hosted]: true};

/** What runs when nact gives an actor its turn. Must not throw. */
export type Turn = {readonly takeTurn: () => void};

export type Host = {
  readonly root: HostRef;
  /** Makes an actor below `parent`. Its nact name is unique, so nothing sent to a predecessor can reach it. */
  readonly spawn: (parent: HostRef, turn: Turn) => HostRef;
  /** Makes an inner node of a fan-out tree: it never gets a turn. */
  readonly spawnBucket: (parent: HostRef) => HostRef;
  /** Asks for one turn. */
  readonly wake: (actor: HostRef) => void;
  /** Removes one actor, whose children must be gone: nact does not stop those. */
  readonly remove: (actor: HostRef) => void;
};

/** What nact sees of any message. */
const wakeUp = 0;

const idle: Turn = {takeTurn() {}};

// The actor's nact state is its cell, so that all share one function instead of one closure each.
const runTurn = (turn: Turn): Turn => {
  turn.takeTurn();
  return turn;
};

/** Nothing gets here, as turns don't throw; if one does, nact must not print the message or escalate. */
const stopOnFault: SupervisionActorFunc<unknown, NactRef<never>, NactRef<never>> = (
  _message,
  _error,
  context,
) => context.stop;

/** Starts a nact system. `name` is for nact's inner tables, which are global: a unique number is added. */
export function startHost(name: string): Host {
  const startNamed = start as (options: {readonly name: string}) => NactRef<never>;
  const root = startNamed({name: `${name}-${nextUid()}`}) as HostRef;
  // Wake-ups come from whoever tells first; without this, handlers would see that caller's AsyncLocalStorage context
  // for messages of other callers too.
  const home = new AsyncResource('ActorSystem', {requireManualDestroy: true});
  const spawnTurn = (parent: HostRef, turn: Turn): HostRef =>
    spawn(parent, runTurn, nextUid().toString(36), {initialState: turn, onCrash: stopOnFault}) as HostRef;
  return {
    root,
    spawn: spawnTurn,
    spawnBucket: parent => spawnTurn(parent, idle),
    wake: actor => home.runInAsyncScope(dispatch, undefined, actor, wakeUp),
    remove: actor => stop(actor),
  };
}
