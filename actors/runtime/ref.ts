/**
 * Where messages can be sent. Says nothing of where the actor lives: a local ref pushes onto a mailbox, a remote
 * one encodes an envelope, a test's ref fills an array, and no caller can tell.
 */
declare const protocol: unique symbol;

export type Ref<Message> = {
  /** Logical path, such as `/jobs/7`; for people and logs, never for look-ups. */
  readonly path: string;
  /** Unique in this process: a successor of the same name has another one, so an old ref never reaches it. */
  readonly uid: number;
  /**
   * False when the message was not accepted: the mailbox is full, or the actor has stopped (then it is a dead letter).
   * A property, not a method: that makes `Ref` contravariant, so a ref can be narrowed but not widened.
   */
  readonly tell: (message: Message) => boolean;
  /** Never set; keeps look-alike objects from passing as refs. */
  readonly [protocol]?: (message: Message) => void;
};
