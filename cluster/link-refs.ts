/**
 * The refs that cross between this process and one life of another, in both directions: which number stands for what, and
 * who has to be told when it ends.
 */
import type {Ref} from '../actors/runtime/ref.ts';
import {isQuestion, type Export, type ExportHolder, type Exports} from './exports.ts';
import type {RefAddress, RefScope} from './frame-refs.ts';
import {Parcel, type ParcelKind} from './link-parcel.ts';
import {RemoteRef, type RemotePeer} from './remote-ref.ts';
import {RemoteRefs} from './remote-refs.ts';

export type LinkRefsPorts = {
  readonly exports: Exports;
  /** A ref of a third node, or of another life of one. */
  readonly elsewhere: (address: RefAddress & {at: 'elsewhere'}) => Ref<never>;
  /** Sends behind everything that waits, whatever the bounds. */
  readonly sendLast: (parcel: Parcel) => void;
};

/** A number that nothing has: for refs that come back after their actor has stopped. */
const nobody = 0;
const noticeWeight = 16;

export class LinkRefs implements RefScope, ExportHolder {
  readonly remote: RemoteRefs;
  readonly #peer: RemotePeer;
  readonly #ports: LinkRefsPorts;
  /** What the peer was given, and is told the end of. */
  readonly #given = new Set<Export>();
  #isOver = false;

  constructor(peer: RemotePeer, ports: LinkRefsPorts) {
    this.#peer = peer;
    this.#ports = ports;
    this.remote = new RemoteRefs(peer);
  }

  addressOf(ref: Ref<never>): RefAddress {
    if (ref instanceof RemoteRef) {
      const {remoteUid: uid, peer, flags, path} = ref as RemoteRef<never>;
      if (peer === this.#peer) return {at: 'receiver', uid};
      return {at: 'elsewhere', uid, flags, path, instance: peer.instance, incarnation: peer.incarnation};
    }
    const {exports} = this.#ports;
    if (isQuestion(ref)) {
      exports.question(ref);
      return {at: 'senderAsk', uid: ref.uid};
    }
    const entry = exports.of(ref);
    this.give(entry);
    return {at: 'sender', uid: entry.uid, flags: entry.flags, path: ref.path};
  }

  refOf(address: RefAddress): Ref<never> {
    switch (address.at) {
      case 'sender':
        return this.remote.ref(address.uid, address.flags, address.path, true);
      case 'senderAsk':
        return this.remote.question(address.uid);
      case 'receiver':
        return this.#ports.exports.find(address.uid)?.ref ?? this.#gone(address.uid);
      case 'elsewhere':
        return this.#ports.elsewhere(address);
    }
  }

  /** From now on the peer is told when that one ends; at once if it has. */
  give(entry: Export): void {
    if (this.#isOver || entry.holders.has(this)) return;
    entry.holders.add(this);
    this.#given.add(entry);
    if (this.#ports.exports.find(entry.uid) !== entry) this.exportEnded(entry);
  }

  exportEnded(entry: Export): void {
    this.#given.delete(entry);
    this.sayEnded(entry.uid);
  }

  /** Tells the peer that nothing has that number any more. */
  sayEnded(uid: number): void {
    this.#notify('ended', uid);
  }

  /** Asks the peer to say when that one ends, unless it gave the ref out itself. */
  introduce(ref: RemoteRef<never>): void {
    if (ref.isAnnounced) return;
    ref.isAnnounced = true;
    this.#notify('watch', ref.remoteUid);
  }

  /** The peer is gone for good. */
  end(why: string): void {
    this.#isOver = true;
    for (const entry of this.#given) entry.holders.delete(this);
    this.#given.clear();
    this.remote.allUnreachable(why);
  }

  #notify(kind: ParcelKind, uid: number): void {
    if (!this.#isOver) this.#ports.sendLast(new Parcel(kind, uid, undefined, true, noticeWeight));
  }

  #gone(uid: number): RemoteRef<never> {
    const gone = new RemoteRef<never>(this.#peer, nobody, 0, `/gone/${uid}`, true);
    gone.stopped();
    return gone;
  }
}
