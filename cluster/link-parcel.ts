/** What waits to be sent to one node: an envelope that is not made before it goes out. */
import type {PendingAsk} from '../actors/runtime/ask.ts';
import {kinds, write} from './envelope.ts';

/** Order of going out: all of an earlier lane first. Only `control` passes while the link is held up. */
export type Lane = 'control' | 'normal' | 'bulk';

export type ParcelKind = 'tell' | 'ask' | 'reply' | 'failure' | 'watch' | 'ended';

export class Parcel {
  /** See `ReliableSender`; stays 0 for what is sent at most once. */
  seq = 0;
  /** It turned out that it can't be encoded. */
  isVoid = false;
  readonly kind: ParcelKind;
  /** The receiver's number for what it is sent to. */
  readonly uid: number;
  /** The message, or why a question failed. */
  readonly body: unknown;
  readonly isReliable: boolean;
  /** Bytes, roughly. */
  readonly weight: number;
  readonly question: PendingAsk<never> | undefined;
  /** Until when the question waits, of the monotonic clock. */
  readonly dueMs: number;

  constructor(
    kind: ParcelKind,
    uid: number,
    body: unknown,
    isReliable: boolean,
    weight: number,
    question?: PendingAsk<never>,
    dueMs = 0,
  ) {
    this.kind = kind;
    this.uid = uid;
    this.body = body;
    this.isReliable = isReliable;
    this.weight = weight;
    this.question = question;
    this.dueMs = dueMs;
  }

  /** Not worth sending: a question that was settled meanwhile needs no answer. */
  get isStale(): boolean {
    if (this.isVoid) return true;
    return this.question !== undefined && !this.question.open;
  }

  envelope(nowMs: number): readonly unknown[] {
    const {kind, uid, seq, body, question} = this;
    switch (kind) {
      case 'tell':
        return [kinds.tell, uid, seq, body];
      case 'ask':
        return write.ask(uid, seq, question?.uid ?? 0, Math.max(0, Math.round(this.dueMs - nowMs)), body);
      case 'reply':
        return write.reply(uid, seq, body);
      case 'failure':
        return write.failure(uid, seq, body);
      case 'watch':
        return write.watch(uid, seq);
      case 'ended':
        return write.ended(uid, seq);
    }
  }
}
