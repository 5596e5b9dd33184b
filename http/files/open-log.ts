/** `filesystem/openLog`: a job's whole log, by level, while it runs or after. */
import type {TypeBoxTypeProvider} from '@fastify/type-provider-typebox';
import {Type} from 'typebox';
import type {FastifyInstance, FastifyReply} from 'fastify';
import {serviceMethod} from '../api-path.ts';
import {callerOf} from '../request-caller.ts';
import type {OwnedPath} from './file-access.ts';
import {LogNotPermittedError, LogTooLargeError, PathNotPermittedError} from './file-error.ts';
import {pathParameter, tags, type FilesContext} from './files-context.ts';
import {sendJsonStream} from './json-stream.ts';
import {
  escapeJson,
  logLevels,
  logLevelsJson,
  logText,
  type OpenedLog,
  type OpenLogLevel,
} from './log-text.ts';

export function openLogRoute(app: FastifyInstance, context: FilesContext): void {
  const {access} = context;
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();

  routes.get(
    '/api/filesystem/openLog',
    {
      schema: {
        tags,
        summary: 'The whole log of a job by level: error, warn, info, all',
        querystring: Type.Object({
          path: pathParameter,
          proxyUser: Type.Optional(Type.String({description: 'Ignored: administrators see all logs.'})),
          logLevel: Type.Optional(
            Type.String({default: 'all', description: 'all, or some of error,warn,info.'}),
          ),
        }),
      },
    },
    async (request, reply) => {
      const owned = await access.find(request.query.path, callerOf(request)).catch((error: unknown) => {
        throw error instanceof PathNotPermittedError ? new LogNotPermittedError() : error;
      });
      const log = await openLog(context, owned);
      const asked = (request.query.logLevel ?? 'all')
        .toLowerCase()
        .split(',')
        .map(level => level.trim());
      const isAsked = (level: OpenLogLevel): boolean => asked.includes('all') || asked.includes(level);
      const isKnown = logLevels.some(isAsked);
      return sendJsonStream(reply, serviceMethod(request.url), async function* data() {
        yield '"log":';
        yield* logLevelsJson(log, isKnown ? isAsked : () => true);
      });
    },
  );
}

/** Throws `LogNotPermittedError` for what is no log, `LogTooLargeError` for one that is not shown at once. */
export async function openLog(
  {governance, textBytesMax}: FilesContext,
  {job, kind}: OwnedPath,
): Promise<OpenedLog> {
  if (job === undefined || kind !== 'log') throw new LogNotPermittedError();
  const taskID = job.row.id;
  const position = await governance.logPosition(taskID);
  const {lines = 0, bytes = 0} = position ?? {};
  if (bytes > textBytesMax) throw new LogTooLargeError(bytes, textBytesMax);
  // Lines that take no room are lines that are gone.
  const {whyGone} = (lines > 0 && bytes === 0 && (await governance.readLog(taskID, 0, 1, 1))) || {};
  return {governance, taskID, lines, ...(whyGone !== undefined && {whyGone})};
}

/** As `openFile` shows it. */
export function sendLogAsText(reply: FastifyReply, method: string, log: OpenedLog): FastifyReply {
  return sendJsonStream(reply, method, async function* data() {
    yield '"metadata":{},"fileContent":[["';
    if (log.whyGone !== undefined) yield escapeJson(`${log.whyGone}\n`);
    for await (const text of logText(log)) yield escapeJson(text);
    yield `"]],"type":"script/text","totalLine":${log.whyGone === undefined ? log.lines : 1},"page":1,"totalPage":0`;
  });
}
