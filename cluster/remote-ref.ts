/** A ref to an actor, callback or service of another node: `tell` hands the message to the link of that node. */
import type {PendingAsk} from '../actors/runtime/ask.ts';
import {DeadLetterError} from '../actors/runtime/ask.ts';
import {messageType} from '../actors/runtime/message-type.ts';
import {RemoteTarget} from '../actors/runtime/remote-target.ts';
import {refFlags} from './frame-refs.ts';
import {LinkFullError, UnreachableError, type UnsendableError} from './remote-errors.ts';

/** Why a message was not taken: its peer is over, the link is cut, too much waits, or it can't be sent at all. */
export type Refusal = 'gone' | 'cut' | 'full' | UnsendableError;

/** The node that a remote ref leads to; one life of it. */
export type RemotePeer = {
  readonly instance: string;
  readonly incarnation: string;
  readonly send: (
    ref: RemoteRef<never>,
    message: unknown,
    question: PendingAsk<never> | undefined,
    timeoutMs: number,
  ) => Refusal | undefined;
};

export class RemoteRef<Message> extends RemoteTarget<Message> {
  readonly path: string;
  readonly tell: (message: Message) => boolean;
  readonly peer: RemotePeer;
  /** The number that its node knows it by. */
  readonly remoteUid: number;
  readonly flags: number;
  /** Whether its node will say when it ends: true when the ref came from there. */
  isAnnounced: boolean;

  constructor(peer: RemotePeer, remoteUid: number, flags: number, path: string, isAnnounced: boolean) {
    super();
    this.peer = peer;
    this.remoteUid = remoteUid;
    this.flags = flags;
    this.path = path;
    this.isAnnounced = isAnnounced;
    this.tell = message => this.peer.send(this, message, undefined, 0) === undefined;
  }

  get isReliable(): boolean {
    return (this.flags & refFlags.atMostOnce) === 0;
  }

  get takesOneAnswer(): boolean {
    return (this.flags & refFlags.oneAnswer) !== 0;
  }

  ask(message: Message, pending: PendingAsk<never>, timeoutMs: number): Error | undefined {
    const {path} = this;
    const type = messageType(message);
    const {instance} = this.peer;
    if (this.hasEnded) return new DeadLetterError(path, type, 'had stopped before it was asked');
    const refusal = this.peer.send(this, message, pending, timeoutMs);
    switch (refusal) {
      case 'full':
        return new LinkFullError(path, type, instance);
      case 'gone':
        return new UnreachableError(path, type, instance, 'is gone');
      case 'cut':
        return new UnreachableError(path, type, instance, 'has no link now');
      default:
        return refusal;
    }
  }

  /** Its node says that it has stopped. */
  stopped(): void {
    this.end(({messageType: type}) => new DeadLetterError(this.path, type, 'stopped before it answered'));
  }

  /** Its node is gone for good. */
  unreachable(why: string): void {
    const {instance} = this.peer;
    this.end(({messageType: type}) => new UnreachableError(this.path, type, instance, why));
  }
}
