/** What nodes ask of each other as nodes, not as entrance or ECM: the service `node`. */
import {Type, type Static} from 'typebox';
import {Compile} from 'typebox/compile';
import {NodeUnreachableError} from './cluster-view.ts';
import {toFailure, type Failure} from './domain/errors.ts';
import type {Receptionist, ServiceKey} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';
import {refSchema} from './remote-call.ts';
import type {Machine} from './runtime/machine.ts';

export type DrainReply = {readonly ok: true} | {readonly ok: false; readonly failure: Failure};

const NodeMessage = Type.Object({
  type: Type.Literal('drain'),
  by: Type.String({maxLength: 255}),
  replyTo: refSchema<DrainReply>(),
});

export type NodeMessage = Static<typeof NodeMessage>;

const schema = Compile(NodeMessage);

export const nodeKey: ServiceKey<NodeMessage> = {
  name: 'node',
  accepts: (value): value is NodeMessage => schema.Check(value),
};

/** Offers this node; `drain` is called once for each time somebody wants it to leave. */
export function startNodeService(
  {system, receptionist}: {readonly system: ActorSystem; readonly receptionist: Receptionist},
  drain: (by: string) => void,
): () => void {
  const machine: Machine<undefined, NodeMessage, NodeMessage> = {
    initial: undefined,
    decide: (state, message) => ({state, effects: [message]}),
    perform({by, replyTo}) {
      replyTo.tell({ok: true});
      drain(by);
    },
  };
  return receptionist.publish(nodeKey, system.spawn('node', machine));
}

const askMs = 5000;

/** Resolves when that node has heard that it is to leave. Rejects with `NodeUnreachableError`. */
export async function drainNode(
  {system, receptionist}: {readonly system: Pick<ActorSystem, 'ask'>; readonly receptionist: Receptionist},
  instance: string,
  by: string,
): Promise<void> {
  const ref: Ref<NodeMessage> | undefined = receptionist.find(nodeKey, instance);
  const known = (): readonly string[] => [...receptionist.all(nodeKey).keys()];
  if (ref === undefined) throw new NodeUnreachableError(instance, known());
  const reply = await system
    .ask<NodeMessage, DrainReply>(ref, replyTo => ({type: 'drain', by, replyTo}), askMs)
    .catch((error: unknown): DrainReply => ({ok: false, failure: toFailure(error)}));
  if (!reply.ok) throw new NodeUnreachableError(instance, known());
}
