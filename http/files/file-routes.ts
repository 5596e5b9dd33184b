/** `filesystem/*` of contract 3.9: looking at logs and results of jobs. Linkis' workspace, where files are kept, is not offered. */
import {posix} from 'node:path';
import type {TypeBoxTypeProvider} from '@fastify/type-provider-typebox';
import {Type} from 'typebox';
import type {FastifyInstance} from 'fastify';
import type {Governance} from '../../actors/governance.ts';
import type {FileEntry, JobFiles} from '../../actors/job-files.ts';
import {serviceMethod} from '../api-path.ts';
import type {Audit} from '../audit.ts';
import {ok, send} from '../envelope.ts';
import {callerOf} from '../request-caller.ts';
import {downloadRoutes} from './download-routes.ts';
import {createFileAccess, type WhyRemoved} from './file-access.ts';
import {WorkspaceNotOfferedError} from './file-error.ts';
import {printFilePath} from './file-path.ts';
import {pathParameter, permitted, tags, type FilesContext} from './files-context.ts';
import {openFileRoute, rowsDefault, rowsMax} from './open-file.ts';
import {openLogRoute} from './open-log.ts';

export type FileRoutesOptions = {
  readonly governance: Governance;
  readonly files: JobFiles;
  readonly audit: Audit;
  /** The data directory, absolute: what `getUserRootPath` answers from. */
  readonly directory: string;
  /** Bytes of a log that `openLog`, or of a text that `openFile` shows; Linkis' limit is 30 MB. */
  readonly textBytesMax?: number;
  /** What tells why old logs and results are gone; by default nothing is said of it. */
  readonly whyRemoved?: WhyRemoved;
};

const textBytesDefault = 30 * 1024 * 1024;

/** Fastify plugin; register it on the facade. */
export async function fileRoutes(app: FastifyInstance, options: FileRoutesOptions): Promise<void> {
  const {governance, files, audit, directory, textBytesMax = textBytesDefault, whyRemoved} = options;
  const access = createFileAccess(governance, audit, whyRemoved);
  const context: FilesContext = {governance, files, access, directory, textBytesMax};
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();

  routes.get(
    '/api/filesystem/getDirFileTrees',
    {
      schema: {
        tags,
        summary: "Files of a job's result directory",
        querystring: Type.Object({path: pathParameter}),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const owned = await access.find(request.query.path, caller);
      const entries = await permitted(files.list(owned.path), owned.path, caller.user);
      // A job that wrote nothing has an empty directory rather than none: null makes Linkis' Python client fail.
      const shown = entries ?? (owned.kind === 'results' ? [] : undefined);
      const dirFileTrees = shown === undefined ? null : treeOf(owned.path, shown);
      // An error would make clients report a job that succeeded as failed.
      const message = entries === undefined && owned.kind === 'results' ? owned.whyGone : undefined;
      send(reply, ok(serviceMethod(request.url), {dirFileTrees}, message));
    },
  );

  routes.get(
    '/api/filesystem/isExist',
    {
      schema: {
        tags,
        summary: 'Whether a log or result is there',
        querystring: Type.Object({path: pathParameter}),
      },
    },
    async (request, reply) => {
      const {user} = callerOf(request);
      const owned = await access.find(request.query.path, callerOf(request));
      const isThere = (await permitted(files.entry(owned.path), owned.path, user)) !== undefined;
      // The first lines of a log are known before there is a file.
      const isExist = isThere || (owned.kind === 'log' && owned.whyGone === undefined);
      send(reply, ok(serviceMethod(request.url), {isExist}));
    },
  );

  routes.get(
    '/api/filesystem/fileInfo',
    {
      schema: {
        tags,
        summary: 'Columns and rows of a result set, as far as one page shows',
        querystring: Type.Object({
          path: pathParameter,
          pageSize: Type.Optional(Type.Integer({default: rowsDefault, minimum: 1, maximum: rowsMax})),
        }),
      },
    },
    async (request, reply) => {
      const {user} = callerOf(request);
      const owned = await access.find(request.query.path, callerOf(request));
      const {columnCount, rows} = await permitted(
        files.resultPage(owned.path, {
          page: 1,
          pageSize: request.query.pageSize ?? rowsDefault,
          nullValue: {type: 'default'},
          maskedColumns: [],
        }),
        owned.path,
        user,
        owned.whyGone,
      );
      const data = {path: request.query.path, colNumber: Math.max(1, columnCount), rowNumber: rows.length};
      send(reply, ok(serviceMethod(request.url), data));
    },
  );

  routes.get(
    '/api/filesystem/getUserRootPath',
    {
      schema: {
        tags,
        summary: 'Where results are kept',
        querystring: Type.Object({
          pathType: Type.Optional(Type.String({default: 'hdfs', description: 'file is what there is.'})),
        }),
      },
    },
    async (request, reply) => {
      const pathType = (request.query.pathType ?? 'hdfs').toLowerCase();
      if (pathType !== 'file') {
        throw new WorkspaceNotOfferedError(`getUserRootPath for ${pathType}`, 'Ask with pathType=file.');
      }
      const userLocalRootPath = printFilePath(posix.join(directory, 'results'));
      send(reply, ok(serviceMethod(request.url), {userLocalRootPath}));
    },
  );

  openFileRoute(app, context);
  openLogRoute(app, context);
  downloadRoutes(app, context);
  for (const [call, httpMethod] of workspaceCalls) {
    app.route({
      method: httpMethod,
      url: `/api/filesystem/${call}`,
      schema: {tags, summary: 'Not offered'},
      handler: async () => {
        throw new WorkspaceNotOfferedError(
          call,
          'Keep scripts where you edit them, and send code with the submission.',
        );
      },
    });
  }
}

/** Calls of Linkis' workspace; each is refused by name rather than not found. */
const workspaceCalls = [
  ['createNewDir', 'POST'],
  ['createNewFile', 'POST'],
  ['rename', 'POST'],
  ['move', 'POST'],
  ['upload', 'POST'],
  ['deleteDirOrFile', 'POST'],
  ['saveScript', 'POST'],
  ['formate', 'GET'],
  ['getSheetInfo', 'GET'],
  ['chmod', 'GET'],
  ['encrypt-path', 'GET'],
  ['check-hdfs-files', 'GET'],
  ['copy-keytab-files', 'GET'],
] as const;

const treeOf = (directory: string, entries: readonly FileEntry[]) => ({
  name: posix.basename(directory),
  path: printFilePath(directory),
  properties: null,
  children: entries.map(({name, isDirectory, sizeBytes, modifiedAtMs}) => ({
    name,
    path: printFilePath(posix.join(directory, name)),
    properties: isDirectory ? {} : {size: String(sizeBytes), modifytime: String(modifiedAtMs)},
    children: null,
    isLeaf: !isDirectory,
    parentPath: printFilePath(directory),
  })),
  isLeaf: false,
  parentPath: null,
});
