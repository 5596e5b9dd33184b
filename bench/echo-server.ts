/**
 * The peer of `bench/submit.ts`, a process of its own: the same framework, its validator and logger settings, and one route that validates the
 * submission's body and sends it back in an envelope. It stores nothing and knows nobody.
 */
import {Type} from 'typebox';
import Fastify from 'fastify';

const submission = Type.Object(
  {
    executionContent: Type.Object({code: Type.String({minLength: 1}), runType: Type.String()}),
    labels: Type.Object({engineType: Type.String(), userCreator: Type.String()}),
    params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    source: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  {additionalProperties: true},
);

const server = Fastify({logger: false});
server.post('/echo', {schema: {body: submission}}, ({body}) => ({
  method: '/echo',
  status: 0,
  message: 'OK',
  data: body,
}));
const listen = await server.listen({host: '127.0.0.1', port: 0});
console.log(JSON.stringify({event: 'ready', listen}));
