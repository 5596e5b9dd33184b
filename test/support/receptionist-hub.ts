/**
 * Several "nodes" in one process that find each other's services: what the cluster's links do, without links. A message
 * crosses as data does: copied, late by a turn, in order, refs as stand-ins; what could not be sent over a wire throws.
 * Nodes can be cut off and healed, and single messages lost.
 */
import type {Receptionist} from '../../actors/runtime/receptionist.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {nextUid} from '../../actors/runtime/uid.ts';

export type ReceptionistHub = {
  /** The receptionist of a node; the same one each time. */
  readonly node: (instance: string) => Receptionist;
  /** Nobody reaches it any more, and it nobody: its services vanish, `tell` answers false. */
  readonly cut: (instance: string) => void;
  readonly heal: (instance: string) => void;
  /** Messages for which this is true are lost on their way; `tell` answers true. Returns what ends that. */
  readonly lose: (isLost: (message: unknown, from: string, to: string) => boolean) => () => void;
  /** Messages that arrived, by their `type`, as far as they have one. */
  readonly arrived: (type: string) => number;
};

type Entry = {readonly name: string; readonly accepts: (value: unknown) => boolean; readonly ref: Ref<never>};

export function createReceptionistHub(): ReceptionistHub {
  const entries = new Map<string, Map<string, Entry>>();
  const receptionists = new Map<string, Receptionist>();
  const listeners = new Set<{readonly name: string; readonly tell: () => void}>();
  const cutOff = new Set<string>();
  const losses = new Set<(message: unknown, from: string, to: string) => boolean>();
  const counts = new Map<string, number>();
  /** By sender and receiver, so that a ref has one stand-in on each node. */
  const standIns = new Map<string, WeakMap<Ref<never>, Ref<never>>>();

  const isCut = (from: string, to: string): boolean => from !== to && (cutOff.has(from) || cutOff.has(to));
  const announce = (): void => {
    for (const {tell} of listeners) tell();
  };

  /** How `from` sees a ref of `to`. */
  function standIn(
    ref: Ref<never>,
    from: string,
    to: string,
    accepts?: (value: unknown) => boolean,
  ): Ref<never> {
    if (from === to) return ref;
    const name = `${from}>${to}`;
    const known = standIns.get(name) ?? new WeakMap<Ref<never>, Ref<never>>();
    standIns.set(name, known);
    const before = known.get(ref);
    if (before !== undefined) return before;
    const made: Ref<never> = {
      path: `${to}${ref.path}`,
      uid: nextUid(),
      tell(message) {
        if (isCut(from, to)) return false;
        const copy = shipped(message, to, from);
        for (const isLost of losses) if (isLost(copy, from, to)) return true;
        setImmediate(() => {
          if (isCut(from, to)) return;
          if (accepts !== undefined && !accepts(copy))
            throw new Error(`not understood: ${JSON.stringify(copy)}`);
          const type = typeof copy === 'object' && copy !== null && 'type' in copy ? String(copy.type) : '';
          counts.set(type, (counts.get(type) ?? 0) + 1);
          ref.tell(copy as never);
        });
        return true;
      },
    };
    known.set(ref, made);
    return made;
  }

  /** A message as it arrives at `at`; refs in it lead back to `home`. */
  function shipped(value: unknown, at: string, home: string): unknown {
    if (typeof value === 'function' || typeof value === 'symbol')
      throw new Error(`can't be sent: ${String(value)}`);
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Uint8Array) return Uint8Array.from(value);
    if (isRef(value)) return standIn(value, at, home);
    if (Array.isArray(value)) return value.map(item => shipped(item, at, home));
    if (Object.getPrototypeOf(value) !== Object.prototype) throw new Error('only plain objects can be sent');
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shipped(item, at, home)]));
  }

  function node(instance: string): Receptionist {
    const known = receptionists.get(instance);
    if (known !== undefined) return known;
    const receptionist: Receptionist = {
      publish(key, ref) {
        const own = entries.get(instance) ?? new Map<string, Entry>();
        entries.set(instance, own);
        const entry: Entry = {name: key.name, accepts: value => key.accepts(value), ref};
        own.set(key.name, entry);
        announce();
        return () => {
          if (own.get(key.name) !== entry) return;
          own.delete(key.name);
          announce();
        };
      },
      find(key, there) {
        const entry = isCut(instance, there) ? undefined : entries.get(there)?.get(key.name);
        // What is published under a key takes the key's messages.
        return entry && (standIn(entry.ref, instance, there, entry.accepts) as Ref<unknown>);
      },
      all(key) {
        const found = [...entries.keys()].flatMap(there => {
          const ref = receptionist.find(key, there);
          return ref === undefined ? [] : [[there, ref] as const];
        });
        return new Map(found);
      },
      onChange({name}, tell) {
        const listener = {name, tell};
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    receptionists.set(instance, receptionist);
    return receptionist;
  }

  return {
    node,
    cut(instance) {
      cutOff.add(instance);
      announce();
    },
    heal(instance) {
      cutOff.delete(instance);
      announce();
    },
    lose(isLost) {
      losses.add(isLost);
      return () => losses.delete(isLost);
    },
    arrived: type => counts.get(type) ?? 0,
  };
}

const isRef = (value: object): value is Ref<never> => 'tell' in value && typeof value.tell === 'function';
