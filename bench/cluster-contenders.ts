/** What both sides of the cluster benchmark share: messages, service keys, and how a node with links is started. */
import {randomBytes} from 'node:crypto';
import {systemClock} from '../actors/runtime/clock.ts';
import type {Machine} from '../actors/runtime/machine.ts';
import {systemRandom} from '../actors/runtime/random.ts';
import type {Delivery, ServiceKey} from '../actors/runtime/receptionist.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import {startActorSystem, type ActorSystem} from '../actors/runtime/system.ts';
import {createClusterLinks, type ClusterLinks} from '../cluster/cluster-links.ts';
import type {Connection} from '../cluster/connection.ts';
import {createWsTransport} from '../cluster/ws-transport.ts';
import {authority, localNode} from '../test/cluster/transport-certificates.ts';

/** Receivers that a flood is spread over. */
export const targets = 16;
/** Of the plain peers' messages, as of a job in JSON. */
export const messageBytes = 200;

export type Job = {
  readonly jobId: string;
  readonly taskId: number;
  readonly user: string;
  readonly creator: string;
  readonly node: string;
  readonly engineType: string;
  readonly status: string;
  readonly progress: number;
  readonly seq: number;
  readonly ts: number;
};
export type Question = {readonly type: 'ask'; readonly job: Job; readonly replyTo: Ref<Answer>};
export type Answer = {readonly ok: boolean; readonly seq: number};
export type Line = {
  readonly type: 'line' | 'kill';
  readonly bytes?: Uint8Array;
  readonly replyTo?: Ref<boolean>;
};

export const job = (seq: number): Job => ({
  jobId: `IDE_hadoop_spark_${100_000 + seq}`,
  taskId: 4_711_000 + seq,
  user: 'hadoop',
  creator: 'IDE',
  node: 'ecm-07:9102',
  engineType: 'spark-3.2.1',
  status: 'Running',
  progress: (seq % 100) / 100,
  seq,
  ts: 1_700_000_000_000 + seq,
});

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

export const sinkKey = (delivery: Delivery, target: number): ServiceKey<Job> => ({
  name: `${delivery}-${target}`,
  delivery,
  accepts: (value): value is Job =>
    isObject(value) && typeof value['jobId'] === 'string' && typeof value['seq'] === 'number',
});
export const answerKey: ServiceKey<Question> = {
  name: 'answers',
  accepts: (value): value is Question => isObject(value) && value['type'] === 'ask' && isObject(value['job']),
};
export const lineKey: ServiceKey<Line> = {
  name: 'lines',
  accepts: (value): value is Line =>
    isObject(value) && (value['type'] === 'line' || value['type'] === 'kill'),
};

export const machineOf = <Message>(
  handle: (message: Message) => void,
): Machine<undefined, Message, Message> => ({
  initial: undefined,
  decide: (state, message) => ({state, effects: [message]}),
  perform: handle,
});

export type BenchNode = {
  readonly system: ActorSystem;
  readonly links: ClusterLinks;
  readonly port: number;
  readonly close: () => Promise<void>;
};

export async function startNode(instance: string, isTls: boolean): Promise<BenchNode> {
  const log = {warn() {}, error: (fields: object, text: string) => console.error(text, fields)};
  const incarnation = randomBytes(12).toString('hex');
  const system = startActorSystem({name: 'bench', clock: systemClock, random: systemRandom, log});
  const transport = createWsTransport({
    identity: {instance, incarnation, roles: []},
    clusterName: 'bench',
    secret: {current: Buffer.alloc(32, 7)},
    listenHost: '127.0.0.1',
    listenPort: 0,
    ...(isTls ? {tls: {...localNode, ca: authority, isMutual: false}} : {}),
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
    isControl: message => isObject(message) && message['type'] === 'kill',
  });
  const listener = await transport.listen((connection: Connection) => links.accept(connection));
  return {
    system,
    links,
    port: listener.port,
    async close() {
      links.close();
      await listener.close();
      await system.shutdown(1000);
    },
  };
}
