/**
 * The receptionist of a cluster: this node's own services, and those that its peers announce on their links. What a peer
 * offers is there while its link is up, and all of it is told anew with each connection.
 */
import type {Receptionist, ServiceKey} from '../actors/runtime/receptionist.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import type {ServiceEntry} from './envelope.ts';
import type {Export, Exports} from './exports.ts';
import type {LinkSession} from './link-session.ts';

export class PeerReceptionist implements Receptionist {
  readonly #instance: string;
  readonly #exports: Exports;
  readonly #onPublished: () => void;
  readonly #own = new Map<string, Export>();
  readonly #peers = new Map<
    string,
    {readonly session: LinkSession; readonly refs: ReadonlyMap<string, Ref<never>>}
  >();
  readonly #listeners = new Map<string, Set<() => void>>();

  /** `onPublished` is called when the peers have to be told of a change. */
  constructor(instance: string, exports: Exports, onPublished: () => void) {
    this.#instance = instance;
    this.#exports = exports;
    this.#onPublished = onPublished;
  }

  /** What peers are told. */
  get own(): readonly {readonly name: string; readonly entry: Export}[] {
    return [...this.#own].map(([name, entry]) => ({name, entry}));
  }

  /** A second one under the same key takes the place of the first. */
  readonly publish: Receptionist['publish'] = (key, ref) => {
    const {name} = key;
    const entry = this.#exports.service(key, ref);
    this.#own.set(name, entry);
    const withdraw = (): void => {
      if (this.#own.get(name) !== entry) return;
      this.#own.delete(name);
      this.#changed([name]);
      this.#onPublished();
    };
    // Its number stays good for messages under way; peers don't find it any more.
    entry.holders.add({exportEnded: withdraw});
    if (this.#exports.find(entry.uid) !== entry) {
      withdraw();
      return withdraw;
    }
    this.#changed([name]);
    this.#onPublished();
    return withdraw;
  };

  readonly find: Receptionist['find'] = <Message>({name}: ServiceKey<Message>, instance: string) =>
    this.#ref(name, instance) as Ref<Message> | undefined;

  readonly all: Receptionist['all'] = <Message>({name}: ServiceKey<Message>) => {
    const found = new Map<string, Ref<Message>>();
    for (const instance of [this.#instance, ...this.#peers.keys()]) {
      const ref = this.#ref(name, instance);
      if (ref !== undefined) found.set(instance, ref as Ref<Message>);
    }
    return found;
  };

  readonly onChange: Receptionist['onChange'] = ({name}, listener) => {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // Wrapped, so that the same function can listen twice.
    const call = (): void => listener();
    listeners.add(call);
    return () => {
      listeners.delete(call);
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name);
    };
  };

  /** What the peer offers now, all of it. */
  announced(session: LinkSession, entries: readonly ServiceEntry[]): void {
    const before = this.#peers.get(session.instance)?.refs ?? new Map<string, Ref<never>>();
    const refs = new Map(
      entries.map(({name, uid, flags, path}) => [name, session.refs.remote.ref(uid, flags, path, true)]),
    );
    this.#peers.set(session.instance, {session, refs});
    const names = new Set([...before.keys(), ...refs.keys()]);
    this.#changed([...names].filter(name => before.get(name) !== refs.get(name)));
  }

  /** The peer can't be reached now. */
  lost(session: LinkSession): void {
    const known = this.#peers.get(session.instance);
    if (known?.session !== session) return;
    this.#peers.delete(session.instance);
    this.#changed([...known.refs.keys()]);
  }

  #ref(name: string, instance: string): Ref<never> | undefined {
    if (instance === this.#instance) return this.#own.get(name)?.ref;
    return this.#peers.get(instance)?.refs.get(name);
  }

  #changed(names: readonly string[]): void {
    for (const name of names) for (const listener of [...(this.#listeners.get(name) ?? [])]) listener();
  }
}
