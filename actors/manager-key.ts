/** The manager's place in the receptionist, and the checks of what entrances and manager send each other across nodes. */
import {Type} from 'typebox';
import {Compile} from 'typebox/compile';
import {gateSchema} from './entrance-protocol.ts';
import {gateNames, type Gate} from './gate.ts';
import type {
  ManagerCommand,
  ManagerNotice,
  NodeMetrics,
  ReservedEngine,
  ResourceReport,
} from './manager-protocol.ts';
import {refSchema, replyCheck} from './remote-call.ts';
import type {ServiceKey} from './runtime/receptionist.ts';

const name = Type.String({maxLength: 256});
const count = Type.Integer({minimum: 0, maximum: Number.MAX_SAFE_INTEGER});
/** Keys of one statement: users of one entrance with work at a time. */
const keysMax = 100_000;

const key = Type.Object({engineType: name, user: name, creator: name, tenant: name, pin: name});
const resources = Type.Object({memoryBytes: Type.Number(), cores: Type.Number(), instances: Type.Number()});

const keyStatement = Type.Object({
  key,
  life: count,
  wanted: count,
  sinceMs: Type.Number(),
  grantsTaken: count,
  recallsTaken: count,
  idle: count,
  ending: count,
});

const groupLoad = Type.Object({
  user: name,
  creator: name,
  engineType: name,
  tenant: Type.Optional(name),
  running: count,
  queued: count,
});

const command = Compile(
  Type.Union([
    Type.Object({
      type: Type.Literal('state'),
      statement: Type.Object({
        entrance: name,
        incarnation: name,
        fence: count,
        sequence: count,
        isFull: Type.Boolean(),
        keys: Type.Array(keyStatement, {maxItems: keysMax}),
        gone: Type.Array(name, {maxItems: keysMax}),
        load: Type.Optional(Type.Array(groupLoad, {maxItems: keysMax})),
      }),
      replyTo: refSchema(),
    }),
    Type.Object({type: Type.Literal('explain'), key, replyTo: refSchema()}),
    Type.Object({type: Type.Literal('getEngineStatus'), engineId: name, replyTo: refSchema()}),
    Type.Object({type: Type.Literal('getNodeMetrics'), instance: name, replyTo: refSchema()}),
    Type.Object({type: Type.Literal('resources'), replyTo: refSchema()}),
  ]),
);

export const managerKey: ServiceKey<ManagerCommand> = {
  name: 'manager',
  accepts: (value): value is ManagerCommand => command.Check(value),
};

const notice = Compile(
  Type.Union([
    Type.Object({
      type: Type.Literal('grant'),
      fence: count,
      key,
      // It becomes a folder.
      engineId: Type.String({pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'}),
      ecm: name,
      reserved: resources,
    }),
    Type.Object({type: Type.Literal('recall'), fence: count, key, ecm: name, isForced: Type.Boolean()}),
    Type.Object({
      type: Type.Literal('waits'),
      fence: count,
      key,
      gate: Type.Union([...gateNames.map(gate => Type.Literal(gate)), Type.Null()]),
    }),
    Type.Object({
      type: Type.Literal('denied'),
      fence: count,
      key,
      failure: Type.Object({code: Type.Number(), message: Type.String(), retryable: Type.Boolean()}),
    }),
  ]),
);

export const isManagerNotice = (value: unknown): value is ManagerNotice => notice.Check(value);

const engine = Type.Object({
  engineId: name,
  key,
  ecm: name,
  entrance: name,
  resources,
  phase: Type.Union([Type.Literal('granted'), Type.Literal('live')]),
  taskID: Type.Optional(count),
});

/** What the manager's answers must look like, by the question's type. */
export const managerReplies = {
  explain: replyCheck<readonly Gate[]>(Type.Array(gateSchema)),
  getEngineStatus: replyCheck<ReservedEngine | null>(Type.Union([engine, Type.Null()])),
  getNodeMetrics: replyCheck<readonly NodeMetrics[]>(
    Type.Array(
      Type.Object({
        instance: name,
        health: Type.String(),
        healthReason: Type.String(),
        capacity: resources,
        used: resources,
      }),
    ),
  ),
  resources: replyCheck<ResourceReport>(
    Type.Object({
      instance: name,
      fence: count,
      engines: Type.Array(engine),
      loads: Type.Array(groupLoad),
      drift: Type.Array(Type.String()),
      healed: count,
    }),
  ),
};
