/** `engineplugin/*`: engine types and versions this installation has (contract 3.7). They come with it: there is nothing to upload. */
import {Type} from 'typebox';
import {defaultVersionOf} from '../../actors/domain/engine-version.ts';
import {ok, refused, send} from '../envelope.ts';
import {PageNumber} from '../listed-page.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const text = (description: string) => Type.Optional(Type.String({maxLength: 128, description}));

const PluginQuery = Type.Object({
  ecType: text('part of the engine type'),
  version: text('part of the version'),
  currentPage: Type.Optional(PageNumber),
  pageSize: Type.Optional(Type.Integer({default: 10})),
});

const tags = ['engines'];
const adminsOnly = 'Only administrators can operate';
const pageSizes = {initial: 10, max: 500};
const notOffered =
  'Engine types come with the installation and are not uploaded, changed or removed here. How to write one:' +
  ' docs/engine-protocol.md';

export function enginePluginRoutes(app: FacadeApp, {engineTypes}: RouteContext): void {
  const plugins = engineTypes.map((engineConnType, n) => ({
    id: n + 1,
    engineConnType,
    version: defaultVersionOf(engineConnType),
    fileName: null,
    lastModified: null,
    fileSize: 0,
    bmlResourceId: '',
    bmlResourceVersion: '',
    createTime: null,
    lastUpdateTime: null,
  }));

  app.get(
    '/api/engineplugin/list',
    {schema: {tags, summary: 'Engine types; administrators only', querystring: PluginQuery}},
    async (request, reply) => {
      if (!callerOf(request).isAdmin) return send(reply, refused(null, adminsOnly));
      const {ecType = '', version = '', currentPage = 1, pageSize = pageSizes.initial} = request.query;
      const found = plugins
        .filter(({engineConnType}) => engineConnType.includes(ecType.trim()))
        .filter(plugin => plugin.version.includes(version.trim()));
      const size = pageSize > 0 ? Math.min(pageSize, pageSizes.max) : pageSizes.initial;
      const from = (Math.max(1, currentPage) - 1) * size;
      const data = {queryList: found.slice(from, from + size), totalPage: found.length};
      return send(reply, ok(null, data));
    },
  );

  app.get(
    '/api/engineplugin/getTypeList',
    {schema: {tags, summary: 'Names of engine types; administrators only'}},
    async (request, reply) => {
      if (!callerOf(request).isAdmin) return send(reply, refused(null, adminsOnly));
      return send(reply, ok(null, {typeList: engineTypes}));
    },
  );

  app.get(
    '/api/engineplugin/getTypeVersionList/:type',
    {
      schema: {
        tags,
        summary: 'Versions of an engine type; administrators only',
        params: Type.Object({type: Type.String({maxLength: 128})}),
      },
    },
    async (request, reply) => {
      if (!callerOf(request).isAdmin) return send(reply, refused(null, adminsOnly));
      const queryList = plugins
        .filter(({engineConnType}) => engineConnType === request.params.type)
        .map(({version}) => version);
      return send(reply, ok(null, {queryList}));
    },
  );

  app.get(
    '/api/engineplugin/getVersionList',
    {schema: {tags, summary: 'Records of an engine type; administrators only', querystring: PluginQuery}},
    async (request, reply) => {
      if (!callerOf(request).isAdmin) return send(reply, refused(null, adminsOnly));
      const {ecType = '', version = ''} = request.query;
      const versionList = plugins
        .filter(({engineConnType}) => engineConnType === ecType.trim())
        .filter(plugin => version.trim() === '' || plugin.version === version.trim());
      return send(reply, ok(null, {versionList}));
    },
  );

  for (const call of ['rollBack', 'uploadEnginePluginBML', 'updateEnginePluginBML'] as const) {
    app.post(
      `/api/engineplugin/${call}`,
      {schema: {tags, summary: 'Not offered: engine types come with the installation'}},
      async (request, reply) =>
        send(reply, refused(null, callerOf(request).isAdmin ? notOffered : adminsOnly)),
    );
  }

  for (const call of ['deleteEnginePluginBML', 'refreshAll', 'refresh'] as const) {
    app.get(
      `/api/engineplugin/${call}`,
      {schema: {tags, summary: 'Not offered: engine types come with the installation'}},
      async (request, reply) =>
        send(reply, refused(null, callerOf(request).isAdmin ? notOffered : adminsOnly)),
    );
  }
}
