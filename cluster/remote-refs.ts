/**
 * The refs of one peer that somebody in this process holds. One object for each actor, so that its end reaches everybody
 * who asked or watches; held weakly, as nobody says when a ref is no longer needed. Questions and watches hold theirs.
 */
import {refFlags} from './frame-refs.ts';
import {RemoteRef, type RemotePeer} from './remote-ref.ts';

/** Entries at which those of refs that are gone are looked for. */
const sweepFrom = 1024;

export class RemoteRefs {
  readonly #peer: RemotePeer;
  readonly #byUid = new Map<number, WeakRef<RemoteRef<never>>>();
  #sweepAt = sweepFrom;

  constructor(peer: RemotePeer) {
    this.#peer = peer;
  }

  /** `isAnnounced`: whether it came from its own node, which will say when it ends. */
  ref(uid: number, flags: number, path: string, isAnnounced: boolean): RemoteRef<never> {
    const known = this.#byUid.get(uid)?.deref();
    if (known !== undefined) {
      known.isAnnounced ||= isAnnounced;
      return known;
    }
    const ref = new RemoteRef<never>(this.#peer, uid, flags, path, isAnnounced);
    // A question is answered once and needs no entry; there are many.
    if (ref.takesOneAnswer) return ref;
    this.#byUid.set(uid, new WeakRef(ref));
    if (this.#byUid.size >= this.#sweepAt) this.#sweep();
    return ref;
  }

  question(uid: number): RemoteRef<never> {
    return new RemoteRef<never>(this.#peer, uid, refFlags.oneAnswer, `/ask/${uid}`, true);
  }

  stopped(uid: number): void {
    const ref = this.#byUid.get(uid)?.deref();
    this.#byUid.delete(uid);
    ref?.stopped();
  }

  /** The peer is gone for good. */
  allUnreachable(why: string): void {
    const refs = [...this.#byUid.values()];
    this.#byUid.clear();
    for (const weak of refs) weak.deref()?.unreachable(why);
  }

  #sweep(): void {
    for (const [uid, weak] of this.#byUid) if (weak.deref() === undefined) this.#byUid.delete(uid);
    this.#sweepAt = Math.max(sweepFrom, this.#byUid.size * 2);
  }
}
