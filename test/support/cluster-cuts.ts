/**
 * The network of a cluster under test: each node is dialled through a proxy of its own, which knows by the dialling process
 * whose connection it is. So the link between two nodes can be cut, slowed or broken, in one direction or both.
 *
 * A proxy stands in the way of one proof: dialling a dead node's proxy is a reset, not a refusal, so deaths are decided by
 * the lease alone (11 s) in such a cluster.
 */
import type {ClusterNode} from './cluster-node.ts';
import {socketOwner} from './socket-owner.ts';
import {startTcpProxy, type Direction, type TcpProxy} from './tcp-proxy.ts';

export type ClusterCuts = {
  /** A proxy on `port`, which the others dial, for the node that listens at `targetPort`. */
  readonly place: (name: string, port: number, targetPort: number) => Promise<void>;
  /** Nothing gets from `from` to `to` any more. */
  readonly cutOneWay: (from: string, to: string) => void;
  readonly cut: (one: string, other: string) => void;
  /** Breaks the connections between two nodes. */
  readonly reset: (one: string, other: string) => void;
  /** The proxy in front of a node. */
  readonly proxy: (name: string) => TcpProxy;
  readonly heal: () => void;
  readonly close: () => Promise<void>;
};

/** `nodes`: those that may dial, as they are at the time of a call. */
export function clusterCuts(nodes: () => readonly ClusterNode[]): ClusterCuts {
  const proxies = new Map<string, TcpProxy>();

  const proxy = (name: string): TcpProxy => {
    const found = proxies.get(name);
    if (found === undefined) throw new Error(`There is no proxy in front of ${name}.`);
    return found;
  };

  /** On connections that `from` has dialled, and on those that `to` has. */
  function hole(from: string, to: string, here: Direction, there: Direction): void {
    proxy(to).blackhole(here, from);
    proxy(from).blackhole(there, to);
  }

  return {
    async place(name, port, targetPort) {
      const sourceOf = (remotePort: number): string => {
        const started = nodes().filter(node => node.pid() !== 0);
        const pid = socketOwner(
          remotePort,
          port,
          started.map(node => node.pid()),
        );
        return started.find(node => node.pid() === pid)?.name ?? '';
      };
      proxies.set(name, await startTcpProxy({port, targetPort, sourceOf}));
    },
    cutOneWay: (from, to) => hole(from, to, 'toTarget', 'toClient'),
    cut: (one, other) => hole(one, other, 'both', 'both'),
    reset(one, other) {
      proxy(one).reset(other);
      proxy(other).reset(one);
    },
    proxy,
    heal() {
      for (const each of proxies.values()) each.pass();
    },
    async close() {
      await Promise.all([...proxies.values()].map(each => each.close()));
    },
  };
}
