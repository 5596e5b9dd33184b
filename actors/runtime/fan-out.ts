/**
 * Where an actor's children hang in nact's tree. nact copies an actor's children at each of its turns (1.7 ms at 10,000
 * of them), so no actor has more than 100: the first few hang on the parent itself, all others on a tree of buckets
 * below it, 100 × 100 × 100. Buckets are made when needed and removed when empty; logical paths don't show them.
 */
import {LinkisError} from '../domain/errors.ts';
import type {Machine, SpawnOptions, StopReason} from './machine.ts';
import type {HostRef} from './nact-host.ts';
import type {Ref} from './ref.ts';

/** Children that hang on the parent itself: cheap to copy, and most actors have no more. */
const directMax = 32;
export const fanOutMax = 100;
const levels = 3;

/** A place for one child; given back when the child has stopped. */
export type Bucket = {
  readonly host: HostRef;
  readonly parent: Bucket | undefined;
  /** 0 holds actors, 1 and 2 hold buckets, -1 is the parent itself. */
  readonly level: number;
  readonly childrenMax: number;
  children: number;
};

export type BucketHost = {
  readonly spawnBucket: (parent: HostRef) => HostRef;
  readonly remove: (bucket: HostRef) => void;
};

/** Any number (up to a million) of actors that don't depend on each other, at the price of ten. */
export type ActorGroup = {
  /** @throws RangeError for bad options, ChildrenMaxError beyond a million. */
  readonly spawn: <S, M, E>(name: string, machine: Machine<S, M, E>, options?: SpawnOptions) => Ref<M>;
  /** Actors of the group that have not stopped. */
  readonly size: number;
  /** Stops all of them at once, and the group. Resolves when they have stopped. */
  readonly stop: (reason?: StopReason) => Promise<void>;
};

/** An actor has as many children as its fan-out tree holds. End some first, or spread them over several groups. */
export class ChildrenMaxError extends LinkisError {
  override readonly name = 'ChildrenMaxError';
  readonly code = 20904;
  override readonly retryable = true;

  constructor(path: string, children: number) {
    super(
      `Actor ${path} has ${children} children and can't have more. Wait until some have ended, or use more groups.`,
    );
  }
}

export class FanOut {
  readonly #host: BucketHost;
  readonly #direct: Bucket;
  /** Buckets with room, by level; the first is taken, so that sparse ones further on can empty. */
  readonly #open: readonly Set<Bucket>[] = Array.from({length: levels}, () => new Set<Bucket>());
  #top: Bucket | undefined;
  #buckets = 0;

  constructor(host: BucketHost, parent: HostRef) {
    this.#host = host;
    this.#direct = {host: parent, parent: undefined, level: -1, childrenMax: directMax, children: 0};
  }

  /** Buckets in the tree, for tests. */
  get buckets(): number {
    return this.#buckets;
  }

  /** A place for one more child, undefined when all 1,000,032 are taken. */
  take(): Bucket | undefined {
    const bucket = this.#direct.children < directMax ? this.#direct : this.#openBucket(0);
    if (bucket !== undefined) this.#occupy(bucket);
    return bucket;
  }

  /** Gives a place back; its bucket goes when that was its last child. */
  give(bucket: Bucket): void {
    bucket.children -= 1;
    if (bucket.level < 0) return;
    if (bucket.children > 0) {
      this.#open[bucket.level]?.add(bucket);
      return;
    }
    this.#open[bucket.level]?.delete(bucket);
    this.#host.remove(bucket.host);
    this.#buckets -= 1;
    if (bucket.parent === undefined) this.#top = undefined;
    else this.give(bucket.parent);
  }

  #occupy(bucket: Bucket): void {
    bucket.children += 1;
    if (bucket.children === bucket.childrenMax) this.#open[bucket.level]?.delete(bucket);
  }

  #openBucket(level: number): Bucket | undefined {
    const [first] = this.#open[level] ?? [];
    if (first !== undefined) return first;
    if (level === levels - 1) return this.#top === undefined ? this.#add(level, undefined) : undefined;
    const parent = this.#openBucket(level + 1);
    if (parent === undefined) return undefined;
    const bucket = this.#add(level, parent);
    this.#occupy(parent);
    return bucket;
  }

  #add(level: number, parent: Bucket | undefined): Bucket {
    const host = this.#host.spawnBucket(parent?.host ?? this.#direct.host);
    const bucket: Bucket = {host, parent, level, childrenMax: fanOutMax, children: 0};
    this.#open[level]?.add(bucket);
    this.#buckets += 1;
    if (parent === undefined) this.#top = bucket;
    return bucket;
  }
}
