/** Logs of engines (contract 3.4): a page for the console, the whole as a download, and the operation that does the same. */
import {Readable} from 'node:stream';
import {Type} from 'typebox';
import {LinkisError} from '../../actors/domain/errors.ts';
import {serviceMethod} from '../api-path.ts';
import {createEngineAccess} from '../engine-access.ts';
import {createEngineLogs, engineLogTypes, readLogRequest, type EngineNames} from '../engine-logs.ts';
import {ok, send} from '../envelope.ts';
import {name, NodeBody, requiredInstance} from '../manager-bodies.ts';
import {ManagerError} from '../manager-errors.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const Parameters = Type.Optional(
  Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
    description:
      'logType, fromLine, pageSize, lastRows, enableTail, ignoreKeywords, onlyKeywords, logDirSuffix, ticketId',
  }),
);
const LogBody = Type.Object({
  ...NodeBody,
  emInstance: name('host:port of the engine manager; the engine’s own goes before it'),
  parameters: Parameters,
});
const OperationBody = Type.Object({...NodeBody, parameters: Parameters});

const DownloadQuery = Type.Object({
  emInstance: Type.Optional(Type.String({maxLength: 128})),
  instance: Type.Optional(Type.String({maxLength: 256})),
  logDirSuffix: Type.Optional(Type.String({maxLength: 256})),
  logType: Type.Optional(Type.String({maxLength: 16})),
});

const tags = ['engines'];
const logOperation = 'engineConnLog';

export function managerLogRoutes(app: FacadeApp, {engines, engineRecords, audit}: RouteContext): void {
  if (engines === undefined) return;
  const logs = createEngineLogs({
    engines,
    access: createEngineAccess(engines, engineRecords),
    audit,
  });

  app.post(
    '/api/linkisManager/openEngineLog',
    {
      config: {audit: 'reads'},
      schema: {tags, summary: 'A page of an engine’s log; its owner and administrators', body: LogBody},
    },
    async (request, reply) => {
      const {emInstance, instance, parameters} = request.body;
      const given = parameters ?? {};
      const names = {...namesIn(given), instance, ecm: emInstance};
      const result = await logs.page(names, readLogRequest(given, true), callerOf(request));
      send(reply, ok(serviceMethod(request.url), {result, errorMsg: '', isError: false}));
    },
  );

  for (const call of ['executeECMOperation', 'executeECMOperationByEC'] as const) {
    app.post(
      `/api/linkisManager/${call}`,
      {
        config: {audit: 'reads'},
        schema: {
          tags,
          summary: `The operation ${logOperation}: a page of an engine’s log`,
          body: OperationBody,
        },
      },
      async (request, reply) => {
        const instance = requiredInstance(request.body);
        const given = request.body.parameters ?? {};
        const operation = given['__operator_name__'];
        if (operation !== logOperation) {
          throw new ManagerError(
            `The operation ${JSON.stringify(operation) ?? 'without a name'} is not offered; ${logOperation} is.`,
          );
        }
        const names: EngineNames =
          call === 'executeECMOperation'
            ? {...namesIn(given), instance: textOf(given['engineConnInstance']), ecm: instance}
            : {instance};
        const method = serviceMethod(request.url);
        try {
          const result = await logs.page(names, readLogRequest(given, false), callerOf(request));
          return send(reply, ok(method, {result, errorMsg: '', isError: false}));
        } catch (error) {
          if (!(error instanceof LinkisError)) throw error;
          // Linkis answers that the operation failed, not the call.
          return send(reply, ok(method, {result: {}, errorMsg: error.message, isError: true}));
        }
      },
    );
  }

  app.get(
    '/api/engineconnManager/downloadEngineLog',
    {
      schema: {
        tags,
        summary: 'The whole log of an engine as a file; its owner and administrators',
        querystring: DownloadQuery,
      },
    },
    async (request, reply) => {
      const {emInstance, instance, logDirSuffix, logType = 'stdout'} = request.query;
      const type = engineLogTypes.find(known => known === logType);
      if (type === undefined) {
        throw new ManagerError(`logType must be one of ${engineLogTypes.join(', ')}, not ${logType}`);
      }
      const lines = await logs.whole({instance, logDirSuffix, ecm: emInstance}, type, callerOf(request));
      const file = `${(instance ?? logDirSuffix ?? 'engine').replaceAll(/[^A-Za-z0-9._-]/g, '_')}_${type}.txt`;
      return reply
        .header('content-disposition', `attachment;filename=${file}`)
        .type('text/plain; charset=utf-8')
        .send(Readable.from(lines));
    },
  );
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const namesIn = (parameters: Readonly<Record<string, unknown>>): EngineNames => ({
  ticketId: textOf(parameters['ticketId']),
  logDirSuffix: textOf(parameters['logDirSuffix']),
});
