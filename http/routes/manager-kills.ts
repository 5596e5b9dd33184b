/** `linkisManager/*` that ends engines (contract 3.3). Linkis lets anybody end any by `rm/enginekill`; here owners and administrators. */
import {Type} from 'typebox';
import type {FastifyReply} from 'fastify';
import {serviceMethod} from '../api-path.ts';
import {createEngineAccess} from '../engine-access.ts';
import {createEngineKills, EngineRefusal, type EndedEngine} from '../engine-kills.ts';
import {ok, refused, send} from '../envelope.ts';
import {BadRequestError} from '../errors.ts';
import {isBlank, name, NodeBody, requiredInstance} from '../manager-bodies.ts';
import {ManagerError, MissingParameterError} from '../manager-errors.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const enginesMax = 1000;
const KillList = Type.Array(
  Type.Object({
    applicationName: name('ignored'),
    engineType: name('ignored; what the console sends in place of applicationName'),
    engineInstance: name('of the engine'),
  }),
  {maxItems: enginesMax},
);
const AsyncKillBody = Type.Object({
  instances: Type.Optional(
    Type.Union([Type.Array(Type.String({maxLength: 256}), {maxItems: enginesMax}), Type.Null()]),
  ),
});
const EmKillBody = Type.Object({instance: name('host:port of the engine manager')});
const OwnKillBody = Type.Object({
  creator: name('as in userCreator'),
  engineType: name('shell, or shell-1; blank: any'),
});

const tags = ['engines'];
const killed = 'Kill engineConn succeed.';
/** What the console calls settings for every creator. */
const anyCreator = new Set(['*', '全局设置', 'GlobalSettings']);

export function managerKillRoutes(app: FacadeApp, context: RouteContext): void {
  const {engines, engineRecords, audit, log} = context;
  if (engines === undefined) return;
  const access = createEngineAccess(engines, engineRecords);
  const kills = createEngineKills({engines, access, audit});

  /** Answers what `work` ends; a refusal is in Linkis' words. */
  async function answer(
    reply: FastifyReply,
    method: string | null,
    work: () => Promise<readonly EndedEngine[]>,
  ): Promise<void> {
    try {
      const ended = await work();
      return send(reply, ok(method, {ended: ended.map(endedView)}, killed));
    } catch (error) {
      if (error instanceof EngineRefusal) return send(reply, refused(method, error.message));
      throw error;
    }
  }

  app.post(
    '/api/linkisManager/killEngineConn',
    {schema: {tags, summary: 'End an engine; its owner and administrators', body: Type.Object(NodeBody)}},
    async (request, reply) => {
      const instance = requiredInstance(request.body);
      const caller = callerOf(request);
      await answer(reply, serviceMethod(request.url), async () => {
        const ended = await kills.end(instance, caller);
        return ended === undefined ? [] : [ended];
      });
    },
  );

  app.post(
    '/api/linkisManager/rm/enginekill',
    {schema: {tags, summary: 'End engines; their owner and administrators', body: KillList}},
    async (request, reply) => {
      const names = request.body.map(({engineInstance}) => {
        if (isBlank(engineInstance)) throw new MissingParameterError('instance');
        return engineInstance.trim();
      });
      await answer(reply, serviceMethod(request.url), () => kills.endAll(names, callerOf(request)));
    },
  );

  app.post(
    '/api/linkisManager/rm/enginekillAsyn',
    {
      schema: {
        tags,
        summary: 'End engines without waiting for it; administrators and their tokens',
        body: AsyncKillBody,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      if (!caller.isAdmin && !caller.hasAdminToken) {
        const text = `User:${caller.user} has no permission to asyn kill engines.`;
        return send(reply, refused(method, text));
      }
      const {instances} = request.body;
      if (instances === undefined || instances === null || instances.length === 0) {
        const text = 'instances is null in the parameters of the request(请求参数中【instances】为空)';
        return send(reply, refused(method, text));
      }
      kills
        .endAll(instances, {...caller, isAdmin: true})
        .catch((error: unknown) => log.warn({err: error, instances}, 'engines could not be ended'));
      // What it ends is noted as it ends; this is the call.
      audit.note('change', caller, {target: method, instances});
      return send(reply, ok(method, {}, killed));
    },
  );

  app.post(
    '/api/linkisManager/rm/killUnlockEngineByEM',
    {schema: {tags, summary: 'End the idle engines of a host; administrators only', body: EmKillBody}},
    async (request, reply) => {
      const caller = callerOf(request);
      if (!caller.isAdmin) {
        throw new ManagerError(
          'Only admin can kill unlock engine of the specified ecm(只有管理员才能 kill 指定 ecm 下的所有空闲引擎).',
        );
      }
      const {instance} = request.body;
      if (isBlank(instance)) throw new MissingParameterError('instance');
      const here = (await engines.engines()).filter(({ecm}) => ecm === instance.trim());
      const ended = await kills.endIdle(here, caller);
      const sum = (figure: 'memoryBytes' | 'cores'): number =>
        ended.reduce((total, {receipt}) => total + receipt.returned[figure], 0);
      const result = {killEngineNum: ended.length, memory: sum('memoryBytes'), cores: sum('cores')};
      send(reply, ok(serviceMethod(request.url), {result}));
    },
  );

  app.post(
    '/api/linkisManager/rm/killEngineByCreatorEngineType',
    {schema: {tags, summary: 'End one’s own idle engines of a creator and type', body: OwnKillBody}},
    async (request, reply) => {
      const {creator, engineType} = request.body;
      if (isBlank(creator)) {
        throw new BadRequestError(
          'instance is null in the parameters of the request(请求参数中【creator】为空)',
        );
      }
      const type = engineType?.trim() ?? '';
      const caller = callerOf(request);
      const fitting = (await access.own(caller))
        .filter(engine => anyCreator.has(creator.trim()) || engine.creator === creator.trim())
        .filter(engine => type === '' || type === engine.engineType || type === labelOf(engine));
      await answer(reply, serviceMethod(request.url), () => kills.endIdle(fitting, caller));
    },
  );
}

const labelOf = ({engineType, version}: {readonly engineType: string; readonly version: string}): string =>
  `${engineType}-${version}`;

/** Ours: what was really done to each. */
const endedView = ({engine: {engineId, instance}, receipt}: EndedEngine) => ({engineId, instance, receipt});
