/** Downloads of results and logs (contract 3.9). A refusal is a text with HTTP 200, as Linkis' clients expect of them. */
import {posix} from 'node:path';
import {Readable} from 'node:stream';
import type {TypeBoxTypeProvider} from '@fastify/type-provider-typebox';
import {Type, type Static} from 'typebox';
import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';
import {LinkisError} from '../../actors/domain/errors.ts';
import type {TableExport} from '../../actors/job-files.ts';
import {callerOf} from '../request-caller.ts';
import {DownloadParameterError} from './file-error.ts';
import {pathParameter, permitted, tags, type FilesContext} from './files-context.ts';

const text = (description: string) => Type.Optional(Type.String({description}));

const ExportQuery = Type.Object({
  path: pathParameter,
  charset: text('utf-8 is what there is.'),
  outputFileType: text('csv (default) or xlsx'),
  csvSeparator: text('One character; , if left out, \\t for a tab.'),
  csvSeperator: text("Linkis' other spelling."),
  quoteRetouchEnable: Type.Optional(Type.Boolean({description: 'Quotes every cell.'})),
  outputFileName: text('Without the suffix.'),
  sheetName: text('result'),
  nullValue: text('NULL; BLANK for nothing.'),
  limit: Type.Optional(Type.Integer({minimum: 0, description: 'Rows; 0 is all.'})),
  keepNewline: Type.Optional(Type.Boolean({description: 'Keeps line ends inside cells.'})),
  maskedFieldNames: text('Columns to leave out, comma-separated.'),
});

const sheetsMax = 1000;
const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

export function downloadRoutes(app: FastifyInstance, {access, files}: FilesContext): void {
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();

  routes.get(
    '/api/filesystem/resultsetToExcel',
    {schema: {tags, summary: 'A result set as csv or xlsx', querystring: ExportQuery}},
    async (request, reply) =>
      orAsText(reply, async () => {
        const options = exportOf(request.query);
        const owned = await access.find(request.query.path, callerOf(request));
        return sendExport(request, reply, [owned.path], options, owned.whyGone);
      }),
  );

  routes.get(
    '/api/filesystem/resultsetsToExcel',
    {schema: {tags, summary: 'All result sets of a job as one xlsx, a sheet each', querystring: ExportQuery}},
    async (request, reply) =>
      orAsText(reply, async () => {
        const options: TableExport = {...exportOf(request.query), format: 'xlsx'};
        const owned = await access.find(request.query.path, callerOf(request));
        const entries = (await permitted(files.list(owned.path), owned.path, callerOf(request).user)) ?? [];
        const results = entries.filter(({name, isDirectory}) => !isDirectory && name.endsWith('.dolphin'));
        if (results.length > sheetsMax) {
          throw new DownloadParameterError(
            `The job has ${results.length} result sets, and one file holds ${sheetsMax}. Download them one by one.`,
          );
        }
        return sendExport(
          request,
          reply,
          results.map(({name}) => posix.join(owned.path, name)),
          options,
          owned.whyGone,
        );
      }),
  );

  routes.post(
    '/api/filesystem/download',
    {
      schema: {
        tags,
        summary: 'A log or result file as it is',
        body: Type.Object({
          path: pathParameter,
          charset: text('Ignored: bytes stay as they are.'),
        }),
      },
    },
    async (request, reply) =>
      orAsText(reply, async () => {
        const {user} = callerOf(request);
        const {path, whyGone} = await access.find(request.body.path, callerOf(request));
        const {sizeBytes, bytes} = await permitted(files.read(path), path, user, whyGone);
        return reply
          .type('application/octet-stream')
          .header('content-length', sizeBytes)
          .header('content-disposition', attachment(posix.basename(path)))
          .send(Readable.from(bytes, {objectMode: false}));
      }),
  );

  async function sendExport(
    request: FastifyRequest<{Querystring: Static<typeof ExportQuery>}>,
    reply: FastifyReply,
    paths: readonly string[],
    options: TableExport,
    whyGone: string | undefined,
  ): Promise<FastifyReply> {
    const {user} = callerOf(request);
    const bytes = await permitted(
      files.exportTables(paths, options),
      request.query.path ?? '',
      user,
      whyGone,
    );
    const {outputFileName} = request.query;
    const name = outputFileName === undefined || outputFileName === '' ? 'downloadResultset' : outputFileName;
    return reply
      .type(options.format === 'csv' ? 'text/csv; charset=utf-8' : xlsxType)
      .header('content-disposition', attachment(`${name}.${options.format}`))
      .send(Readable.from(bytes, {objectMode: false}));
  }
}

/** Throws `DownloadParameterError`. */
function exportOf(query: Static<typeof ExportQuery>): TableExport {
  const {outputFileType = 'csv', charset = 'utf-8', nullValue = 'NULL', maskedFieldNames = ''} = query;
  const format = outputFileType.toLowerCase();
  if (format !== 'csv' && format !== 'xlsx') {
    throw new DownloadParameterError(`outputFileType is ${outputFileType}; csv and xlsx are offered.`);
  }
  if (!/^utf-?8$/i.test(charset)) {
    throw new DownloadParameterError(
      `charset is ${charset}; downloads are utf-8. Convert the file afterwards.`,
    );
  }
  const asked = query.csvSeparator ?? query.csvSeperator ?? '';
  const separator = asked === '' ? ',' : asked === '\\t' ? '\t' : asked;
  if (separator.length !== 1 || /["\r\n]/.test(separator)) {
    throw new DownloadParameterError(
      `csvSeparator is ${JSON.stringify(separator)}; it has to be one character, no quote.`,
    );
  }
  return {
    format,
    separator,
    quotesAll: query.quoteRetouchEnable ?? false,
    keepsNewlines: query.keepNewline ?? false,
    nullValue: nullValue === 'BLANK' ? '' : nullValue,
    rowsMax: query.limit ?? 0,
    maskedColumns: maskedFieldNames.split(',').map(name => name.trim()),
    sheetName: query.sheetName === undefined || query.sheetName === '' ? 'result' : query.sheetName,
  };
}

async function orAsText(reply: FastifyReply, answer: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof LinkisError)) throw error;
    return reply.code(200).type('text/plain; charset=utf-8').send(`error(错误):${error.message}`);
  }
}

/** For a name that the client gave: nothing of it may end the header, or name a directory. */
function attachment(name: string): string {
  const clean = name
    .toWellFormed()
    .replace(/[\p{C}"\\/;]/gu, '_')
    .slice(0, 200);
  const ascii = clean.replace(/[^\x20-\x7e]/g, '_');
  return ascii === clean
    ? `attachment;filename=${ascii.replaceAll(' ', '_')}`
    : `attachment;filename=${ascii.replaceAll(' ', '_')};filename*=UTF-8''${encodeURIComponent(clean)}`;
}
