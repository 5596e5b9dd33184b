/**
 * Where services of other nodes are found: each node publishes refs under a key, and everybody sees them while the node's
 * incarnation lives. No gossip and no tombstones: an entry comes and goes with the link to its node.
 */
import type {Ref} from './ref.ts';

/**
 * What happens to messages when the link to the receiver's node is cut. `reliable`: they wait and are sent again, each
 * arrives once and in order while both processes live. `atMostOnce`: those under way may be lost, and `tell` answers false
 * until the link is back; cheaper, for what is soon outdated.
 */
export type Delivery = 'reliable' | 'atMostOnce';

/** A named protocol. What arrives from another node is checked by `accepts` before an actor sees it. */
export type ServiceKey<Message> = {
  readonly name: string;
  /** Whether that is a message of this protocol, refs included. Never throws. */
  readonly accepts: (value: unknown) => value is Message;
  /** Default `reliable`. */
  readonly delivery?: Delivery;
};

export type Receptionist = {
  /** Offers `ref` under `key` on this node, to itself too. Returns what withdraws it. */
  readonly publish: <Message>(key: ServiceKey<Message>, ref: Ref<Message>) => () => void;
  /** The service on the node with that address; undefined while it offers none, or cannot be reached. */
  readonly find: <Message>(key: ServiceKey<Message>, instance: string) => Ref<Message> | undefined;
  /** All reachable ones, by instance (`host:port`), this node's own included. */
  readonly all: <Message>(key: ServiceKey<Message>) => ReadonlyMap<string, Ref<Message>>;
  /** Calls `listener` after each change of what `all` answers. Returns what ends that. */
  readonly onChange: (key: Pick<ServiceKey<never>, 'name'>, listener: () => void) => () => void;
};
