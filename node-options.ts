/** What a node is started with: each is an option of `tenon start`, a key of `tenon.yaml` and a variable `TENON_…`. */
import type {SettingGroup, SettingValues} from './actors/domain/setting.ts';
import {parseNodeAddress} from './cluster/node-address.ts';

export const nodeSettings = {
  listen: {
    type: 'string',
    default: '127.0.0.1:9001',
    description:
      'HOST:PORT of the facade (HTTP and WebSocket). Port 0 takes any free one; the ready line says which.',
  },
  health: {
    type: 'string',
    default: '',
    description:
      'HOST:PORT for /health/live, /health/ready and /metrics of a node without the role gateway, over plain HTTP and' +
      ' without a login; such as 127.0.0.1:9003. Empty: none. With that role they are at listen, and this is not opened.',
  },
  data: {
    type: 'string',
    default: './tenon-data',
    description:
      'Data directory: logs, results, engines, outbox and the embedded database. It belongs to one node.',
  },
  database: {
    type: 'string',
    default: 'sqlite:tenon.db',
    description: 'sqlite:FILE (relative to the data directory) or mysql://user:password@host:port/database.',
  },
  roles: {
    type: 'list',
    default: ['gateway', 'entrance', 'manager', 'ecm', 'jobhistory'],
    min: 1,
    max: 5,
    description: 'What this node does.',
  },
  cluster: {
    type: 'string',
    default: '',
    description:
      "HOST:PORT of this node's cluster endpoint, as the other nodes dial it; it is the node's name. Port 0: any free" +
      ' one. Empty: the node stands alone.',
  },
  clusterListen: {
    type: 'string',
    default: '',
    description:
      'HOST:PORT to listen at for other nodes, where that is not what they dial (containers, address translation).' +
      ' Empty: the address of cluster.',
  },
  join: {type: 'list', default: [], max: 64, description: 'Cluster endpoints of nodes to join.'},
  clusterSecretFile: {
    type: 'string',
    default: '',
    description:
      "File with the cluster's secret, at least 32 random bytes, readable by the node's user alone (head -c 48" +
      ' /dev/urandom | base64 > FILE).',
  },
  clusterSecretPreviousFile: {
    type: 'string',
    default: '',
    description: 'File with the former secret, accepted as well while the nodes change over to a new one.',
  },
  clusterTlsCertFile: {
    type: 'string',
    default: '',
    description:
      "PEM file with this node's certificate chain for links between nodes. With the key and the CA it turns TLS on," +
      ' both sides authenticated; the certificate must name the host of cluster.',
  },
  clusterTlsKeyFile: {
    type: 'string',
    default: '',
    description: 'PEM file with the key of clusterTlsCertFile.',
  },
  clusterTlsCaFile: {
    type: 'string',
    default: '',
    description: "PEM file with the CA that the nodes' certificates are signed by.",
  },
  label: {
    type: 'list',
    default: [],
    max: 32,
    description: 'Labels of this node, each key=value, such as route=et1.',
  },
  adminUser: {
    type: 'string',
    default: 'hadoop',
    description: 'Name of the administrator made at the first start.',
  },
  adminPasswordFile: {
    type: 'string',
    default: '',
    description:
      "File with the administrator's password for the first start. Empty: one is generated, printed once, and" +
      ' written to the file credentials in the data directory.',
  },
  name: {
    type: 'string',
    default: '',
    description: "Name of this cluster, shown to people. Empty: the host's name.",
  },
  logLevel: {
    type: 'string',
    default: 'info',
    description: "Least level of the node's own log on stderr: trace, debug, info, warn, error.",
  },
} as const satisfies SettingGroup;

export type NodeOptions = SettingValues<typeof nodeSettings>;

const knownRoles: readonly string[] = nodeSettings.roles.default;

/** Adds what is wrong with them, a sentence each. */
export function checkNodeOptions(node: NodeOptions, mistakes: string[]): void {
  for (const role of node.roles) {
    if (!knownRoles.includes(role)) mistakes.push(`roles: ${role} is none of ${knownRoles.join(', ')}`);
  }
  for (const label of node.label) {
    if (!/^[\w.-]+=[^=]+$/.test(label))
      mistakes.push(`label must be key=value, not ${JSON.stringify(label)}`);
  }
  if (!/^[a-z0-9._-]{1,50}$/i.test(node.adminUser))
    mistakes.push(
      `adminUser must be 1 to 50 letters, digits, dots or dashes, not ${JSON.stringify(node.adminUser)}`,
    );
  const health = node.health === '' ? undefined : parseNodeAddress(node.health);
  if (typeof health === 'string') mistakes.push(`health ${health}`.replace(' :', ':'));
  checkCluster(node, mistakes);
}

function checkCluster(node: NodeOptions, mistakes: string[]): void {
  const {cluster, clusterTlsCertFile, clusterTlsKeyFile, clusterTlsCaFile} = node;
  if (cluster === '') {
    if (node.join.length > 0)
      mistakes.push('join needs cluster: without an endpoint of its own a node stands alone');
    const missing = ['gateway', 'entrance', 'ecm'].filter(role => !node.roles.includes(role));
    if (missing.length > 0)
      mistakes.push(
        `roles: a node that stands alone needs ${missing.join(', ')} too; for a part of a cluster set cluster`,
      );
    return;
  }
  if (node.clusterSecretFile === '') {
    mistakes.push('cluster needs clusterSecretFile: a cluster endpoint without a secret is not opened');
  }
  if (/^(?:0\.0\.0\.0|\[::\]):/.test(cluster)) {
    mistakes.push(
      `cluster must be an address that other nodes can dial, not ${cluster}; that may be clusterListen`,
    );
  }
  const tls = [clusterTlsCertFile, clusterTlsKeyFile, clusterTlsCaFile].filter(file => file !== '').length;
  if (tls !== 0 && tls !== 3) {
    mistakes.push('clusterTlsCertFile, clusterTlsKeyFile and clusterTlsCaFile go together: set all or none');
  }
}
