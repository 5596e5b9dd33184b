/**
 * How refs cross: only as addresses. A ref is recognised by its class, whose instances only this process makes; an address
 * on the wire is an extension of its own, so that no object of a message passes for a ref.
 *
 * msgpackr keeps its extensions in one table for the whole process and tells them nothing of whom they work for. So the
 * scope of the link whose frame is being made or read stands here meanwhile; both are synchronous.
 */
import {addExtension} from 'msgpackr';
import {PendingAsk} from '../actors/runtime/ask.ts';
import {CallbackRef} from '../actors/runtime/callback-ref.ts';
import {LocalRef} from '../actors/runtime/local-ref.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import {RemoteTarget} from '../actors/runtime/remote-target.ts';
import {refExtension} from './frame-scan.ts';
import {FrameError} from './remote-errors.ts';

/** Where a ref's actor lives, seen from whoever sends the address. */
export type RefAddress =
  | {readonly at: 'sender'; readonly uid: number; readonly flags: number; readonly path: string}
  /** A question of the sender, good for one answer. */
  | {readonly at: 'senderAsk'; readonly uid: number}
  | {readonly at: 'receiver'; readonly uid: number}
  | {
      readonly at: 'elsewhere';
      readonly uid: number;
      readonly flags: number;
      readonly path: string;
      readonly instance: string;
      readonly incarnation: string;
    };

/** Bits of `flags`. */
export const refFlags = {atMostOnce: 1, oneAnswer: 2} as const;

/** What one link knows of refs. */
export type RefScope = {
  readonly addressOf: (ref: Ref<never>) => RefAddress;
  readonly refOf: (address: RefAddress) => Ref<never>;
};

const places = {sender: 0, receiver: 1, elsewhere: 2, senderAsk: 3} as const;

let scopeNow: RefScope | undefined;

/** Makes or reads a frame: refs in it are those of `scope`. */
export function withRefs<Result>(scope: RefScope, action: () => Result): Result {
  const outer = scopeNow;
  scopeNow = scope;
  try {
    return action();
  } finally {
    scopeNow = outer;
  }
}

/** Whether `value` is a ref that can cross. */
export const isRef = (value: object): value is Ref<never> =>
  value instanceof LocalRef ||
  value instanceof PendingAsk ||
  value instanceof RemoteTarget ||
  value instanceof CallbackRef;

function write(ref: Ref<never>): unknown {
  if (scopeNow === undefined) throw new Error('A ref is packed outside of a link.');
  const address = scopeNow.addressOf(ref);
  switch (address.at) {
    case 'sender':
      return [places.sender, address.uid, address.flags, address.path];
    case 'senderAsk':
      return [places.senderAsk, address.uid];
    case 'receiver':
      return [places.receiver, address.uid];
    case 'elsewhere': {
      const {uid, flags, path, instance, incarnation} = address;
      return [places.elsewhere, uid, flags, path, instance, incarnation];
    }
  }
}

function read(parts: unknown): Ref<never> {
  const address = addressFrom(parts);
  if (address === undefined || scopeNow === undefined)
    throw new FrameError('an address of a ref that is none');
  return scopeNow.refOf(address);
}

function addressFrom(parts: unknown): RefAddress | undefined {
  if (!Array.isArray(parts)) return undefined;
  const [place, uid, flags, path, instance, incarnation] = parts as readonly unknown[];
  if (!Number.isSafeInteger(uid)) return undefined;
  const number = uid as number;
  if (place === places.senderAsk) return {at: 'senderAsk', uid: number};
  if (place === places.receiver) return {at: 'receiver', uid: number};
  if (typeof flags !== 'number' || typeof path !== 'string') return undefined;
  if (place === places.sender) return {at: 'sender', uid: number, flags, path};
  if (place !== places.elsewhere || typeof instance !== 'string' || typeof incarnation !== 'string')
    return undefined;
  return {at: 'elsewhere', uid: number, flags, path, instance, incarnation};
}

for (const Class of [LocalRef, PendingAsk, CallbackRef, RemoteTarget]) {
  addExtension({Class, type: refExtension, write, read});
}
