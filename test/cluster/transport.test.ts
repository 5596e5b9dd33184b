/** The contract of transports on real sockets, with and without TLS, and in memory on the system's clock. */
import {createServer, type AddressInfo} from 'node:net';
import test from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {createMemoryNetwork} from '../../cluster/memory-transport.ts';
import type {ClusterTls} from '../../cluster/ws-transport-tls.ts';
import {authority, localNode} from './transport-certificates.ts';
import {transportContract, type NewNodes} from './transport.contract.ts';
import {wsNode} from './transport-world.ts';

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address() as AddressInfo;
  await new Promise(resolve => void server.close(resolve));
  return port;
}

const wsNodes =
  (tls?: ClusterTls): NewNodes =>
  async () => {
    const node = (port: number, role: string) => ({
      transport: wsNode({
        identity: {instance: `localhost:${port}`, incarnation: `life-of-${role}`, roles: [role]},
        ...(tls === undefined ? {} : {tls}),
      }),
      addressOf: (listener: {readonly port: number}) => `localhost:${listener.port}`,
    });
    return {
      one: node(9101, 'entrance'),
      other: node(9102, 'manager'),
      nobody: `localhost:${await freePort()}`,
    };
  };

transportContract(test, 'ws', wsNodes());
transportContract(test, 'wss', wsNodes({...localNode, ca: authority, isMutual: true}));
transportContract(test, 'memory', async () => {
  const network = createMemoryNetwork({clock: systemClock, random: seededRandom(1)});
  const node = (port: number, role: string) => ({
    transport: network.transport({
      instance: `localhost:${port}`,
      incarnation: `life-of-${role}`,
      roles: [role],
    }),
    addressOf: () => `localhost:${port}`,
  });
  return {one: node(9101, 'entrance'), other: node(9102, 'manager'), nobody: 'localhost:9103'};
});
