/** `filesystem/openFile`: a page of a result set as Linkis renders it (contract 7.4), or a text. */
import type {TypeBoxTypeProvider} from '@fastify/type-provider-typebox';
import {Type} from 'typebox';
import type {FastifyInstance, FastifyReply} from 'fastify';
import {resultTypes, type NullValue, type ResultPage} from '../../actors/job-files.ts';
import {serviceMethod} from '../api-path.ts';
import {ok, send} from '../envelope.ts';
import {callerOf} from '../request-caller.ts';
import type {OwnedPath} from './file-access.ts';
import {ColumnPageError, RowLimitError, TextTooLargeError} from './file-error.ts';
import {pathParameter, permitted, tags, type FilesContext} from './files-context.ts';
import {openLog, sendLogAsText} from './open-log.ts';

export const rowsMax = 100_000;
export const rowsDefault = 5000;
const columnsPerPageMax = 500;
const columnsShownMax = 10_000;

export function openFileRoute(app: FastifyInstance, context: FilesContext): void {
  const {access, files, textBytesMax} = context;
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();

  routes.get(
    '/api/filesystem/openFile',
    {
      schema: {
        tags,
        summary: 'A page of a result set, or a text',
        querystring: Type.Object({
          path: pathParameter,
          page: Type.Optional(Type.Integer({default: 1})),
          pageSize: Type.Optional(Type.Integer({default: rowsDefault})),
          nullValue: Type.Optional(Type.String({description: 'LINKIS_NULL keeps null as null.'})),
          enableLimit: Type.Optional(Type.Boolean({description: 'Pages columns, too.'})),
          columnPage: Type.Optional(Type.Integer({default: 1})),
          columnPageSize: Type.Optional(Type.Integer({default: columnsPerPageMax})),
          maskedFieldNames: Type.Optional(
            Type.String({description: 'Columns to leave out, comma-separated.'}),
          ),
        }),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const {user} = callerOf(request);
      const owned = await access.find(request.query.path, callerOf(request));
      if (owned.kind === 'log') return sendLogAsText(reply, method, await openLog(context, owned));
      if (!owned.path.endsWith('.dolphin')) return sendText(reply, method, owned, user);
      const {page = 1, pageSize = rowsDefault, maskedFieldNames = ''} = request.query;
      if (pageSize > rowsMax) throw new RowLimitError(rowsMax);
      const pageNumber = Math.max(1, page);
      const result = await permitted(
        files.resultPage(owned.path, {
          page: pageNumber,
          pageSize: pageSize < 1 ? rowsDefault : pageSize,
          nullValue: nullValueOf(request.query.nullValue),
          maskedColumns: maskedFieldNames.split(',').map(name => name.trim()),
          ...columnPageOf(request.query),
        }),
        owned.path,
        user,
        owned.whyGone,
      );
      return send(reply, ok(method, {...pageData(result), page: pageNumber, totalPage: 0}));
    },
  );

  async function sendText(
    reply: FastifyReply,
    method: string,
    {path, whyGone}: OwnedPath,
    user: string,
  ): Promise<void> {
    const {sizeBytes, bytes} = await permitted(files.read(path), path, user, whyGone);
    const content: Uint8Array[] = [];
    if (sizeBytes <= textBytesMax) for await (const block of bytes) content.push(block);
    else await bytes[Symbol.asyncIterator]().return?.();
    if (sizeBytes > textBytesMax) throw new TextTooLargeError(sizeBytes, textBytesMax);
    const text = Buffer.concat(content).toString('utf8');
    const totalLine = text.split('\n').length - (text.endsWith('\n') || text === '' ? 1 : 0);
    const data = {metadata: {}, fileContent: [[text]], type: 'script/text', totalLine, page: 1, totalPage: 0};
    send(reply, ok(method, data));
  }
}

function nullValueOf(text: string | undefined): NullValue {
  if (text === 'LINKIS_NULL') return {type: 'keep'};
  return text === undefined || text === '' || text === 'BLANK' ? {type: 'default'} : {type: 'text', text};
}

function columnPageOf(query: {enableLimit?: boolean; columnPage?: number; columnPageSize?: number}): {
  columnPage?: {page: number; size: number};
} {
  const {enableLimit = false, columnPage: page = 1, columnPageSize: size = columnsPerPageMax} = query;
  if (!enableLimit) return {};
  if (page < 1 || size < 1 || size > columnsPerPageMax)
    throw new ColumnPageError(page, size, columnsPerPageMax);
  return {columnPage: {page, size}};
}

/** `totalLine` is the rows of this answer: clients go on until it is 0 (contract 9.2, 5). */
function pageData({type, metadata, rows, columnCount}: ResultPage): Readonly<Record<string, unknown>> {
  const common = {fileContent: rows, type: String(type), totalLine: rows.length};
  if (type !== resultTypes.table || typeof metadata === 'string') return {metadata, ...common};
  return {
    totalColumn: columnCount,
    // The order of keys is the order that linkis-cli prints columns' properties in.
    metadata: metadata.map(({name, comment, type: dataType}) => ({columnName: name, comment, dataType})),
    ...common,
    ...(columnCount > columnsShownMax && {
      column_limit_display: true,
      zh_msg: `结果集列数为${columnCount}，超过${columnsShownMax}列，建议下载查看`,
      en_msg: `The result set has ${columnCount} columns, more than ${columnsShownMax}: better download it.`,
    }),
  };
}
