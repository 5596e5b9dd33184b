/** Answers that are written as their client takes them. */
import {Readable} from 'node:stream';
import type {FastifyReply} from 'fastify';

/** An answer whose `data` is written piece by piece, as the client takes it. */
export function sendJsonStream(
  reply: FastifyReply,
  method: string,
  data: () => AsyncIterable<string>,
): FastifyReply {
  async function* envelope(): AsyncGenerator<string> {
    yield `{"method":${JSON.stringify(method)},"status":0,"message":"OK","data":{`;
    yield* data();
    yield '}}';
  }
  return reply.type('application/json; charset=utf-8').send(Readable.from(envelope(), {objectMode: false}));
}
