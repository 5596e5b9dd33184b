/** Nodes with links in one process, on a manual clock and a network in memory, for the tests of links and remote refs. */
import type {ExecutionContext} from 'ava';
import {seededRandom} from '../../actors/runtime/random.ts';
import type {ServiceKey} from '../../actors/runtime/receptionist.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import type {ActorSystem} from '../../actors/runtime/system.ts';
import {
  createClusterLinks,
  type ClusterLinks,
  type ClusterLinksOptions,
  type LinkEvent,
} from '../../cluster/cluster-links.ts';
import type {Transport} from '../../cluster/connection.ts';
import type {WireRange} from '../../cluster/hello.ts';
import {createMemoryNetwork, type MemoryNetwork} from '../../cluster/memory-transport.ts';
import {testSystem, turns, type LogLine} from '../actors/runtime/harness.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';

export type LinkNode = {
  readonly instance: string;
  readonly incarnation: string;
  readonly system: ActorSystem;
  readonly links: ClusterLinks;
  readonly events: LinkEvent[];
  readonly log: LogLine[];
};

export type LinkWorld = {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  /** A life of the node with that name; `life` tells its lives apart. */
  readonly node: (name: string, options?: NodeOptions) => Promise<LinkNode>;
  /** Lets time pass, a millisecond at a time, and the event loop turn in between. */
  readonly pass: (ms: number) => Promise<void>;
  /** Lets time pass until `isDone`; fails after `limitMs`. */
  readonly until: (isDone: () => boolean, limitMs?: number) => Promise<void>;
};

export type NodeOptions = {
  readonly life?: string;
  readonly wire?: WireRange;
  readonly mailboxMax?: number;
  readonly isControl?: ClusterLinksOptions['isControl'];
  /** Stands between the links and the network. */
  readonly through?: (transport: Transport) => Transport;
};

export function linkWorld(t: ExecutionContext, seed = 1): LinkWorld {
  const clock = manualClock();
  const random = seededRandom(seed);
  const network = createMemoryNetwork({clock, random});
  const pass = async (ms: number): Promise<void> => {
    await turns(2);
    for (let left = ms; left > 0; left -= 1) {
      clock.advance(1);
      await turns(2);
    }
  };
  return {
    clock,
    network,
    pass,
    async until(isDone, limitMs = 10_000) {
      for (let left = limitMs; !isDone(); left -= 1) {
        if (left === 0) throw new Error(`Nothing of the kind within ${limitMs} ms.`);
        await pass(1);
      }
    },
    async node(name, {life = '1', wire, mailboxMax, isControl, through = each => each}: NodeOptions = {}) {
      const instance = `${name}:9`;
      const incarnation = `${name}${life}`;
      const {system, log} = testSystem(t, {clock, ...(mailboxMax === undefined ? {} : {mailboxMax})});
      const transport = through(network.transport({instance, incarnation, roles: []}, wire));
      const links = createClusterLinks({
        transport,
        system,
        self: {instance, incarnation},
        clock,
        random,
        log: {
          warn: (fields, text) => log.push({level: 'warn', fields, text}),
          error: (fields, text) => log.push({level: 'error', fields, text}),
        },
        ...(isControl === undefined ? {} : {isControl}),
      });
      const events: LinkEvent[] = [];
      links.onLink(event => events.push(event));
      await transport.listen(links.accept);
      t.teardown(() => links.close());
      return {instance, incarnation, system, links, events, log};
    },
  };
}

/** Connects both ways and waits until both are up. */
export async function linked(world: LinkWorld, one: LinkNode, other: LinkNode): Promise<void> {
  one.links.connect({instance: other.instance, address: other.instance});
  other.links.connect({instance: one.instance, address: one.instance});
  await world.until(() => isUp(one, other) && isUp(other, one));
}

export const isUp = (node: LinkNode, peer: LinkNode): boolean =>
  node.links
    .links()
    .some(
      ({instance, incarnation, state}) =>
        instance === peer.instance && incarnation === peer.incarnation && state === 'up',
    );

/** A service that takes anything with a `type`. */
export function anyKey<Message>(
  name = 'any',
  options: Pick<ServiceKey<Message>, 'delivery'> = {},
): ServiceKey<Message> {
  return {
    name,
    accepts: (value): value is Message => typeof value === 'object' && value !== null && 'type' in value,
    ...options,
  };
}

/** Publishes `ref` at `at` and finds it from `from`. */
export async function found<Message>(
  world: LinkWorld,
  key: ServiceKey<Message>,
  at: LinkNode,
  from: LinkNode,
): Promise<Ref<Message>> {
  await world.until(() => from.links.receptionist.find(key, at.instance) !== undefined);
  const ref = from.links.receptionist.find(key, at.instance);
  if (ref === undefined) throw new Error('not found');
  return ref;
}
