/**
 * `linkisManager/rm/*` that shows what engines and users have in use (contract 3.6). `method` is null throughout, as in
 * Linkis.
 */
import {Type} from 'typebox';
import type {EngineView, ResourceUse, Resources} from '../../actors/engine-governance.ts';
import {createEngineAccess} from '../engine-access.ts';
import {engineLabels, engineLoadView, engineService, usedBy} from '../engine-view.ts';
import {ok, send} from '../envelope.ts';
import {name} from '../manager-bodies.ts';
import {ResourceResetError, ResourceViewError} from '../manager-errors.ts';
import {callerOf} from '../request-caller.ts';
import {loadView, nodeResourceView, noResources, shareOf} from '../resource-view.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const text = (description: string) => Type.Optional(Type.String({maxLength: 128, description}));

const AnyBody = Type.Object({});
const ApplicationBody = Type.Object({
  userCreator: Type.String({maxLength: 256, description: '(user,creator), as userresources answers it'}),
  engineType: name('(type,version)'),
});
const ResourceQuery = Type.Object({
  username: text('part of the user'),
  creator: text('part of the creator'),
  engineType: text('part of the engine type'),
  page: Type.Optional(Type.Integer({default: 1})),
  size: Type.Optional(Type.Integer({default: 20})),
});
const tags = ['resources'];
const pageSizeDefault = 20;

const pairOf = (one: string, other: string): string => `(${one},${other})`;

export function managerResourceRoutes(app: FacadeApp, context: RouteContext): void {
  const {audit, engines, engineRecords, settings} = context;
  if (engines === undefined) return;
  const access = createEngineAccess(engines, engineRecords);

  app.post(
    '/api/linkisManager/rm/userresources',
    {
      config: {audit: 'reads'},
      schema: {tags, summary: 'How full one’s quotas are, by creator and engine type', body: AnyBody},
    },
    async (request, reply) => {
      const [own, uses] = await Promise.all([access.own(callerOf(request)), engines.resources()]);
      const userResources = [...Map.groupBy(own, ({user, creator}) => pairOf(user, creator))].map(
        ([userCreator, ofCreator]) => {
          const engineTypes = [
            ...Map.groupBy(ofCreator, ({engineType, version}) => pairOf(engineType, version)),
          ].map(([engineType, some]) => ({engineType, percent: percent(shareOfQuota(some, uses))}));
          const fullest = Math.max(...engineTypes.map(({percent: share}) => Number(share)));
          return {userCreator, engineTypes, percent: percent(fullest)};
        },
      );
      send(reply, ok(null, {userResources}));
    },
  );

  app.post(
    '/api/linkisManager/rm/applicationlist',
    {
      config: {audit: 'reads'},
      schema: {tags, summary: 'One’s own engines of a creator', body: ApplicationBody},
    },
    async (request, reply) => {
      const {userCreator, engineType} = request.body;
      const [own, uses] = await Promise.all([access.own(callerOf(request)), engines.resources()]);
      const type = engineType?.trim() ?? '';
      const chosen = own
        .filter(engine => pairOf(engine.user, engine.creator) === userCreator.trim())
        .filter(engine => type === '' || pairOf(engine.engineType, engine.version) === type);
      const creator = chosen[0]?.creator ?? /,(.*)\)$/.exec(userCreator)?.[1] ?? '';
      const applicationList = {
        usedResource: loadView(sumOf(chosen.map(usedBy))),
        maxResource: loadView(quotaOf(chosen, uses)),
        minResource: loadView(noResources),
        lockedResource: loadView(sumOf(chosen.filter(isStarting).map(({reserved}) => reserved))),
        engineInstances: chosen.map(instanceView),
      };
      send(reply, ok(null, {applications: [{creator, applicationList}]}));
    },
  );

  app.get(
    '/api/linkisManager/rm/allUserResource',
    {schema: {tags, summary: 'What everybody has in use; administrators only', querystring: ResourceQuery}},
    async (request, reply) => {
      if (!callerOf(request).isAdmin) throw new ResourceViewError();
      const {page = 1, size = pageSizeDefault} = request.query;
      const found = filtered(await engines.resources(), request.query);
      const pageSize = size > 0 ? Math.min(size, settings.listPageSizeMax) : pageSizeDefault;
      const from = (Math.max(1, page) - 1) * pageSize;
      const resources = found.slice(from, from + pageSize).map((use, n) => useView(use, from + n + 1));
      send(reply, ok(null, {resources, total: found.length}));
    },
  );

  app.get(
    '/api/linkisManager/rm/get-user-resource',
    {
      schema: {
        tags,
        summary: 'What one has in use; administrators may name others',
        querystring: ResourceQuery,
      },
    },
    async (request, reply) => {
      const {user, isAdmin} = callerOf(request);
      const {username = ''} = request.query;
      const wanted = username.trim() === '' ? user : username.trim();
      if (wanted !== user && !isAdmin) throw new ResourceViewError();
      const {username: _whose, ...rest} = request.query;
      const found = filtered(await engines.resources(), rest).filter(use => use.user === wanted);
      send(reply, ok(null, {resources: found.map((use, n) => useView(use, n + 1))}));
    },
  );

  app.delete(
    '/api/linkisManager/rm/resetResource',
    {
      schema: {
        tags,
        summary: 'Nothing is stored that could be wrong, so nothing is reset; administrators only',
        querystring: Type.Object({resourceId: Type.Optional(Type.Integer())}),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      if (!caller.isAdmin) throw new ResourceResetError();
      const {resourceId} = request.query;
      audit.note('resourcesReset', caller, {
        target: resourceId === undefined || resourceId <= 0 ? 'all' : String(resourceId),
      });
      send(reply, ok(null, {}, 'success'));
    },
  );

  app.post(
    '/api/linkisManager/rm/engines',
    {config: {audit: 'reads'}, schema: {tags, summary: 'One’s own engines', body: AnyBody}},
    async (request, reply) => {
      const own = await access.own(callerOf(request));
      const shown = own.map(engine => ({
        applicationName: engineService,
        engineInstance: engine.instance,
        creator: engine.creator,
        engineType: engine.engineType,
        labels: engineLabels(engine).map(({stringValue}) => stringValue),
        ...(isStarting(engine)
          ? {preUsedResource: loadView(engine.reserved)}
          : {usedResource: loadView(engine.reserved)}),
        engineStatus: engine.status,
      }));
      send(reply, ok(null, shown.length === 0 ? {} : {engines: shown}));
    },
  );
}

const isStarting = ({status}: EngineView): boolean => status === 'Starting';

const sumOf = (all: readonly Resources[]): Resources =>
  all.reduce(
    (sum, one) => ({
      memoryBytes: sum.memoryBytes + one.memoryBytes,
      cores: sum.cores + one.cores,
      instances: sum.instances + one.instances,
    }),
    noResources,
  );

/** The quota of these engines' user, creator and type; nothing where none is known. */
function quotaOf(engines: readonly EngineView[], uses: readonly ResourceUse[]): Resources {
  const [first] = engines;
  if (first === undefined) return noResources;
  const types = new Set(engines.map(({engineType}) => engineType));
  const quotas = uses
    .filter(({user, creator}) => user === first.user && creator === first.creator)
    .filter(({engineType}) => types.has(engineType));
  return sumOf(quotas.map(({max}) => max));
}

const shareOfQuota = (engines: readonly EngineView[], uses: readonly ResourceUse[]): number =>
  shareOf(sumOf(engines.map(({reserved}) => reserved)), quotaOf(engines, uses));

/** The console multiplies this text. */
const percent = (share: number): string => share.toFixed(2);

const instanceView = (engine: EngineView) => ({
  creator: engine.creator,
  engineType: engine.engineType,
  instance: engine.instance,
  label: `${engine.engineType}-${engine.version}`,
  resource: engineLoadView(engine),
  status: engine.status,
  startTime: printJavaDate(engine.startedAt),
  owner: engine.user,
});

/** `Wed May 01 02:20:00 GMT 2024`, as Java prints a date. */
export function printJavaDate(ms: number): string {
  // "Wed, 01 May 2024 02:20:00 GMT"
  const [day = '', date = '', month = '', year = '', time = ''] = new Date(ms).toUTCString().split(/,? /);
  return `${day} ${month} ${date} ${time} GMT ${year}`;
}

type Names = {readonly username?: string; readonly creator?: string; readonly engineType?: string};

function filtered(uses: readonly ResourceUse[], wanted: Names): readonly ResourceUse[] {
  const {username = '', creator = '', engineType = ''} = wanted;
  return uses
    .filter(use => use.user !== '' && use.creator !== '' && use.engineType !== '')
    .filter(use => use.user.includes(username.trim()) && use.creator.includes(creator.trim()))
    .filter(use => use.engineType.includes(engineType.trim()))
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const keyOf = ({user, creator, engineType, version}: ResourceUse): string =>
  [user, creator, engineType, version].join(' ');

const fullFrom = {warn: 0.8, critical: 0.95};

const useView = (use: ResourceUse, id: number) => {
  const share = shareOf(sumOf([use.used, use.locked]), use.max);
  const status = share >= fullFrom.critical ? 'critical' : share >= fullFrom.warn ? 'warn' : 'normal';
  return {
    id,
    username: use.user,
    creator: use.creator,
    engineTypeWithVersion: `${use.engineType}-${use.version}`,
    ...nodeResourceView(use.max, use.used, use.locked),
    createTime: null,
    updateTime: null,
    loadResourceStatus: status,
    queueResourceStatus: null,
  };
};
