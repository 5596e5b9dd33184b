/**
 * Nodes of one process that see each other only through refs of a mesh: its links are cut and healed, and messages lost,
 * as a test wants it. Refs inside messages cross too, and commands pass the check of their service key, as between nodes.
 */
import type {Receptionist, ServiceKey} from '../../actors/runtime/receptionist.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {nextUid} from '../../actors/runtime/uid.ts';

export type Mesh = {
  readonly join: (instance: string) => Receptionist;
  /** Nothing passes between them, and neither finds the other's services. */
  readonly cut: (one: string, other: string) => void;
  readonly heal: (one: string, other: string) => void;
  /** Loses each message for which it answers true; the sender is told that it was accepted. */
  lose: (message: unknown, from: string, to: string) => boolean;
  /** How many messages crossed, by type. */
  readonly crossed: Map<string, number>;
};

type Entry = {readonly key: ServiceKey<never>; readonly ref: Ref<never>};

export function createMesh(): Mesh {
  const published = new Map<string, Set<Entry>>();
  const listeners = new Set<() => void>();
  const cuts = new Set<string>();
  const stubs = new Map<string, Ref<unknown>>();
  const linkOf = (one: string, other: string): string => [one, other].toSorted().join(' ');
  const isCut = (one: string, other: string): boolean => cuts.has(linkOf(one, other));
  const changed = (): void => [...listeners].forEach(listener => listener());

  /** What `to` lives behind, for somebody on `from`. */
  function stub(
    ref: Ref<never>,
    from: string,
    to: string,
    accepts?: (value: unknown) => boolean,
  ): Ref<unknown> {
    const name = `${ref.uid} ${from} ${to}`;
    const known = stubs.get(name);
    if (known !== undefined) return known;
    const made: Ref<unknown> = {
      path: `//${to}${ref.path}`,
      uid: nextUid(),
      tell(message) {
        if (isCut(from, to)) return false;
        const type = isObject(message) ? String(message['type']) : '';
        mesh.crossed.set(type, (mesh.crossed.get(type) ?? 0) + 1);
        if (mesh.lose(message, from, to)) return true;
        const carried = carry(message, from, to);
        if (accepts !== undefined && !accepts(carried))
          throw new Error(`refused: ${JSON.stringify(message)}`);
        // A turn later, as nothing that crosses a wire arrives at once.
        queueMicrotask(() => (ref as Ref<unknown>).tell(carried));
        return true;
      },
    };
    stubs.set(name, made);
    return made;
  }

  /** A copy, in which refs lead back over the mesh. */
  function carry(value: unknown, from: string, to: string): unknown {
    if (Array.isArray(value)) return value.map(entry => carry(entry, from, to));
    if (value instanceof Uint8Array) return Uint8Array.from(value);
    if (!isObject(value)) return value;
    if (isRef(value)) return stub(value, to, from);
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, carry(entry, from, to)]));
  }

  const mesh: Mesh = {
    crossed: new Map(),
    lose: () => false,
    cut(one, other) {
      cuts.add(linkOf(one, other));
      changed();
    },
    heal(one, other) {
      cuts.delete(linkOf(one, other));
      changed();
    },
    join(self) {
      const own = new Set<Entry>();
      published.set(self, own);
      const find = (key: ServiceKey<never>, instance: string): Ref<never> | undefined => {
        const entry = [...(published.get(instance) ?? [])].find(({key: {name}}) => name === key.name);
        if (entry === undefined || isCut(self, instance)) return undefined;
        return instance === self ? entry.ref : stub(entry.ref, self, instance, key.accepts);
      };
      return {
        publish(key, ref) {
          const entry = {key, ref} as unknown as Entry;
          own.add(entry);
          changed();
          return () => {
            own.delete(entry);
            changed();
          };
        },
        find: (key, instance) => find(key as unknown as ServiceKey<never>, instance) as never,
        all(key) {
          const found = new Map<string, Ref<never>>();
          for (const instance of published.keys()) {
            const ref = find(key as unknown as ServiceKey<never>, instance);
            if (ref !== undefined) found.set(instance, ref);
          }
          return found as never;
        },
        onChange(_key, listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
    },
  };
  return mesh;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const isRef = (value: Record<string, unknown>): value is Ref<never> & Record<string, unknown> =>
  typeof value['tell'] === 'function';
