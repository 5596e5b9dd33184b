/** Starting an actor: everything is checked before nact knows of it, so that a mistake leaves nothing half-built. */
import {Cell} from './cell.ts';
import type {CellNode} from './cell-node.ts';
import {ChildrenMaxError, FanOut} from './fan-out.ts';
import type {Machine, SpawnOptions} from './machine.ts';
import type {HostRef, Turn} from './nact-host.ts';

/**
 * Starts an actor below `parent`. Below a parent that is ending, it is born stopped: what is told to it becomes a dead
 * letter.
 * @throws RangeError for an empty name or a `mailboxMax` that is no positive integer; ChildrenMaxError.
 */
export function spawnBelow<S, M, E>(
  parent: CellNode,
  kind: 'actor' | 'group',
  name: string,
  machine: Machine<S, M, E>,
  options?: SpawnOptions,
): Cell<S, M, E> {
  const {runtime} = parent;
  const path = `${parent.path}/${encodeName(name)}`;
  const mailboxMax = options?.mailboxMax;
  if (mailboxMax !== undefined && !(Number.isInteger(mailboxMax) && mailboxMax > 0)) {
    throw new RangeError(`mailboxMax of ${path} is ${mailboxMax}; give a positive integer.`);
  }
  if (parent.phase !== 'running' || parent.host === undefined) {
    return new Cell(
      {runtime, parent, path, kind, bucket: undefined, settle: () => undefined},
      machine,
      options,
    );
  }
  parent.family ??= {children: new Set(), fanOut: new FanOut(runtime.host, parent.host)};
  const {children, fanOut} = parent.family;
  const bucket = fanOut.take();
  if (bucket === undefined) throw new ChildrenMaxError(parent.path, children.size);
  const settle = (turn: Turn): HostRef => runtime.host.spawn(bucket.host, turn);
  let cell;
  try {
    cell = new Cell({runtime, parent, path, kind, bucket, settle}, machine, options);
  } catch (error) {
    fanOut.give(bucket);
    throw error;
  }
  children.add(cell);
  if (kind === 'actor') runtime.counters.actorsAlive += 1;
  return cell;
}

/** Names are free text, as nact never sees them; only what would make a path ambiguous is escaped. */
function encodeName(name: string): string {
  if (name === '')
    throw new RangeError('An actor needs a name that is not empty, so that logs can say who it is.');
  return name.replaceAll(/[/%\s\p{Cc}]/gu, character => encodeURIComponent(character));
}
