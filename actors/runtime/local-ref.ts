/** Refs of actors in this process, and the way back from such a ref to its actor, which only the runtime has. */
import type {CellNode} from './cell-node.ts';
import type {Ref} from './ref.ts';

/** What a local ref needs of its actor. */
export type Receiver<Message> = CellNode & {readonly accept: (message: Message) => boolean};

export class LocalRef<Message> implements Ref<Message> {
  readonly path: string;
  readonly uid: number;
  readonly tell: (message: Message) => boolean;
  // Private, so that an object which only looks like a ref leads nowhere.
  readonly #cell: CellNode;

  constructor(cell: Receiver<Message>) {
    this.path = cell.path;
    this.uid = cell.uid;
    this.#cell = cell;
    // Bound: callers may pass `ref.tell` along by itself.
    this.tell = message => cell.accept(message);
  }

  static cellOf(ref: Ref<never>): CellNode | undefined {
    return #cell in ref ? ref.#cell : undefined;
  }
}

/** The actor behind `ref`; undefined when it is no actor of this process. */
export function cellOf(ref: Ref<never>): CellNode | undefined {
  return LocalRef.cellOf(ref);
}
