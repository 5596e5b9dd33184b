/** The cluster endpoint of a node: its port for other nodes, and the links to them. */
import {randomBytes} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {createServer, type AddressInfo} from 'node:net';
import type {Logger} from 'pino';
import {systemClock} from './actors/runtime/clock.ts';
import {systemRandom} from './actors/runtime/random.ts';
import type {ActorSystem} from './actors/runtime/system.ts';
import {createClusterLinks, type ClusterLinks} from './cluster/cluster-links.ts';
import {readClusterSecret} from './cluster/cluster-secret.ts';
import {parseNodeAddress, printNodeAddress, type NodeAddress} from './cluster/node-address.ts';
import type {ClusterTls} from './cluster/ws-transport-tls.ts';
import {createWsTransport, type WsTransport} from './cluster/ws-transport.ts';
import type {Config} from './config.ts';

export type ClusterEndpoint = {
  /** `host:port` as other nodes dial it: the node's name. */
  readonly instance: string;
  /** `host:port` where it listens. */
  readonly boundAt: string;
  readonly links: ClusterLinks;
  readonly transport: WsTransport;
  /** Says goodbye to the peers and frees the port. */
  readonly close: () => Promise<void>;
};

export type EndpointDependencies = {
  readonly system: ActorSystem;
  readonly incarnation: string;
  readonly log: Logger;
};

/** Kills and what a person waits for go before what flows. */
const controlTypes: ReadonlySet<unknown> = new Set(['kill', 'shutdown', 'find', 'renew', 'drain']);

/** Resolves when the port is bound. Rejects with Node's error when it is taken, and with `ClusterSecretError`. */
export async function openClusterEndpoint(
  {node, hostName}: Pick<Config, 'node' | 'hostName'>,
  {system, incarnation, log}: EndpointDependencies,
): Promise<ClusterEndpoint> {
  const current = await readClusterSecret(node.clusterSecretFile);
  const previous =
    node.clusterSecretPreviousFile === ''
      ? undefined
      : await readClusterSecret(node.clusterSecretPreviousFile);
  const address = await withPort(addressOf(node.cluster));
  const listen = node.clusterListen === '' ? address : addressOf(node.clusterListen);
  const instance = printNodeAddress(address);
  const tls = await readTls(node);
  const transport = createWsTransport({
    identity: {instance, incarnation, roles: node.roles},
    clusterName: node.name || 'tenon',
    secret: previous === undefined ? {current} : {current, previous},
    listenHost: listen.host,
    listenPort: listen.port,
    ...(tls === undefined ? {} : {tls}),
    clock: systemClock,
    randomBytes,
    log,
  });
  const links = createClusterLinks({
    transport,
    system,
    self: {instance, incarnation},
    clock: systemClock,
    random: systemRandom,
    log,
    isControl: message =>
      typeof message === 'object' && message !== null && 'type' in message && controlTypes.has(message.type),
  });
  const listener = await transport.listen(connection => links.accept(connection));
  log.info(
    {instance, listen: printNodeAddress(listener), tls: tls !== undefined, hostName},
    'cluster endpoint',
  );
  return {
    instance,
    boundAt: printNodeAddress(listener),
    links,
    transport,
    async close() {
      links.close();
      await listener.close();
    },
  };
}

function addressOf(text: string): NodeAddress {
  const address = parseNodeAddress(text);
  // The configuration has checked it.
  if (typeof address === 'string') throw new Error(address);
  return address;
}

/** The port is part of the node's name, which the first byte on a link proves: it must be known before the port is bound. */
async function withPort({host, port}: NodeAddress): Promise<NodeAddress> {
  if (port !== 0) return {host, port};
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, host, resolve);
  });
  const free = (probe.address() as AddressInfo).port;
  await new Promise(resolve => void probe.close(resolve));
  return {host, port: free};
}

async function readTls({
  clusterTlsCertFile,
  clusterTlsKeyFile,
  clusterTlsCaFile,
}: Config['node']): Promise<ClusterTls | undefined> {
  if (clusterTlsCertFile === '') return undefined;
  const [cert, key, ca] = await Promise.all(
    [clusterTlsCertFile, clusterTlsKeyFile, clusterTlsCaFile].map(file => readFile(file)),
  );
  if (cert === undefined || key === undefined || ca === undefined) return undefined;
  return {cert, key, ca, isMutual: true};
}
