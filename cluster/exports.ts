/**
 * What other nodes can reach on this one, by number: actors and callbacks whose refs went out in a message, published
 * services, open questions. Nothing else. Whoever was given a number is told when what it stands for has ended.
 */
import {PendingAsk} from '../actors/runtime/ask.ts';
import {CallbackRef} from '../actors/runtime/callback-ref.ts';
import type {ServiceKey} from '../actors/runtime/receptionist.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import {nextUid} from '../actors/runtime/uid.ts';
import {refFlags} from './frame-refs.ts';

/** Questions listed at which those that were settled meanwhile are looked for. */
const sweepFrom = 1024;

/** A node to which a number was given. */
export type ExportHolder = {readonly exportEnded: (entry: Export) => void};

export class Export {
  readonly uid: number;
  readonly ref: Ref<never>;
  /** Set for a service: what arrives is checked. */
  readonly key: ServiceKey<never> | undefined;
  readonly flags: number;
  readonly holders = new Set<ExportHolder>();

  constructor(uid: number, ref: Ref<never>, key: ServiceKey<never> | undefined, flags: number) {
    this.uid = uid;
    this.ref = ref;
    this.key = key;
    this.flags = flags;
  }
}

/** Calls `notify` once when the local actor behind `ref` has stopped, at once if it has. */
export type WatchLocal = (ref: Ref<never>, notify: () => void) => void;

export class Exports {
  readonly #watchLocal: WatchLocal;
  readonly #byUid = new Map<number, Export>();
  readonly #questions = new Map<number, PendingAsk<never>>();
  #sweepAt = sweepFrom;

  constructor(watchLocal: WatchLocal) {
    this.#watchLocal = watchLocal;
  }

  get size(): number {
    return this.#byUid.size + this.#questions.size;
  }

  find(uid: number): Export | undefined {
    return this.#byUid.get(uid);
  }

  /** The entry of an actor or callback of this process, made at its first crossing. */
  of(ref: Ref<never>): Export {
    const known = this.#byUid.get(ref.uid);
    if (known !== undefined) return known;
    const flags = ref instanceof CallbackRef && ref.delivery === 'atMostOnce' ? refFlags.atMostOnce : 0;
    return this.#add(new Export(ref.uid, ref, undefined, flags));
  }

  /** A number of its own: what is sent to the service is checked, what is sent to its actor's own ref is not. */
  service<Message>(key: ServiceKey<Message>, ref: Ref<Message>): Export {
    const flags = key.delivery === 'atMostOnce' ? refFlags.atMostOnce : 0;
    return this.#add(new Export(nextUid(), ref, key as ServiceKey<never>, flags));
  }

  question(pending: PendingAsk<never>): void {
    this.#questions.set(pending.uid, pending);
    if (this.#questions.size >= this.#sweepAt) this.#sweepQuestions();
  }

  /** The open question of that number, which is good for one answer. */
  takeQuestion(uid: number): PendingAsk<never> | undefined {
    const pending = this.#questions.get(uid);
    this.#questions.delete(uid);
    return pending;
  }

  #add(entry: Export): Export {
    const {uid, ref} = entry;
    this.#byUid.set(uid, entry);
    const ended = (): void => this.#ended(entry);
    if (ref instanceof CallbackRef) ref.whenClosed(ended);
    else this.#watchLocal(ref, ended);
    return entry;
  }

  #ended(entry: Export): void {
    this.#byUid.delete(entry.uid);
    for (const holder of entry.holders) holder.exportEnded(entry);
    entry.holders.clear();
  }

  /** Those that timed out are never answered by anybody. */
  #sweepQuestions(): void {
    for (const [uid, {open}] of this.#questions) if (!open) this.#questions.delete(uid);
    this.#sweepAt = Math.max(sweepFrom, this.#questions.size * 2);
  }
}

/** Whether `ref` is a question of this process. */
export const isQuestion = (ref: Ref<never>): ref is PendingAsk<never> => ref instanceof PendingAsk;
