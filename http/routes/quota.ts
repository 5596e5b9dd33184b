/**
 * `rm/quota`: what users have and may have, for `tenon quota`. Everybody sees their own rows, administrators all; figures
 * without a limit are null.
 */
import {Type} from 'typebox';
import {anyone} from '../../actors/configuration-scope.ts';
import type {ConfigurationService} from '../../actors/configuration-service.ts';
import type {Resources, ResourceUse} from '../../actors/engine-governance.ts';
import {unlimited} from '../../actors/quota.ts';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const name = Type.Optional(Type.String({maxLength: 50}));

const nothing: Resources = {memoryBytes: 0, cores: 0, instances: 0};

export function quotaRoutes(app: FacadeApp, context: RouteContext): void {
  const {configuration, engines, engineTypes} = context;
  if (configuration === undefined) return;

  app.get(
    '/api/rm/quota',
    {
      schema: {
        tags: ['configuration'],
        summary: 'Quotas, and what is used of them: own ones, administrators all',
        querystring: Type.Object({user: name, creator: name, engineType: name}),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      const {user = '', creator = '', engineType = ''} = request.query;
      if (!caller.isAdmin && user !== '' && user !== caller.user) {
        return send(reply, refused(method, 'Only admin can query other user configuration data'));
      }
      const visible = caller.isAdmin ? user : caller.user;
      const live = ((await engines?.resources()) ?? []).filter(
        use =>
          use.user !== '' &&
          use.creator !== '' &&
          use.engineType !== '' &&
          (visible === '' || use.user === visible) &&
          (creator === '' || use.creator === creator) &&
          (engineType === '' || use.engineType === engineType),
      );
      // Who uses nothing may still want to know what they may have.
      const asked = {
        user: visible === '' ? caller.user : visible,
        creator: creator === '' ? anyone : creator,
      };
      const unused = (engineType === '' ? engineTypes : [engineType])
        .filter(type => !live.some(use => use.user === asked.user && use.engineType === type))
        .map(type => unusedBy(configuration, {...asked, engineType: type}));
      const quotas = [...live, ...unused].map(use => quotaView(configuration, use));
      const tenants = caller.isAdmin ? tenantViews(configuration, live) : undefined;
      return send(reply, ok(method, {quotas, ...(tenants !== undefined && {tenants})}));
    },
  );

  app.get(
    '/api/rm/verify',
    {
      schema: {
        tags: ['configuration'],
        summary:
          'Whether each reservation has its engine and each engine its reservation; administrators only',
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      if (!callerOf(request).isAdmin) return send(reply, refused(method, 'only admin can do this'));
      if (engines === undefined) return send(reply, refused(method, 'This gateway knows no engines.'));
      return send(reply, ok(method, {...(await engines.verify())}));
    },
  );
}

type Key = Pick<ResourceUse, 'user' | 'creator' | 'engineType'>;

const unusedBy = ({lookup}: ConfigurationService, key: Key): ResourceUse => ({
  ...key,
  version: '',
  tenant: lookup().tenantOf(key.user, key.creator),
  max: nothing,
  used: nothing,
  locked: nothing,
  runningJobs: 0,
  queuedJobs: 0,
});

/** The limits are those that hold now; `max` of a ledger may be a moment older. */
function quotaView({quotas}: ConfigurationService, use: ResourceUse) {
  const {max, engine, runningMax, waitingMax, engineIdleMs, engineJobsMax, warmEngines} = quotas.quotaOf(use);
  return {
    user: use.user,
    creator: use.creator,
    engineType: use.engineType,
    version: use.version,
    tenant: use.tenant,
    max,
    used: use.used,
    locked: use.locked,
    runningJobs: use.runningJobs,
    runningMax,
    queuedJobs: use.queuedJobs,
    waitingMax,
    engine,
    engineIdleMs,
    engineJobsMax,
    warmEngines,
  };
}

/** Tenants that somebody belongs to, or that have engines now. */
function tenantViews({lookup, quotas}: ConfigurationService, live: readonly ResourceUse[]) {
  const mapped = lookup().tables.tenants.map(({tenant}) => tenant);
  const names = new Set([...mapped, ...live.map(({tenant}) => tenant)].filter(tenant => tenant !== ''));
  return [...names].toSorted().map(tenant => {
    const {max, runningMax, waitingMax, waitingBytesMax, weight} = quotas.tenantQuotaOf(tenant);
    const of = live.filter(use => use.tenant === tenant);
    const sum = (figure: (use: ResourceUse) => number): number =>
      of.reduce((total, use) => total + figure(use), 0);
    return {
      tenant,
      weight,
      max: {
        memoryBytes: limitOf(max.memoryBytes),
        cores: limitOf(max.cores),
        instances: limitOf(max.instances),
      },
      used: {
        memoryBytes: sum(({used}) => used.memoryBytes),
        cores: sum(({used}) => used.cores),
        instances: sum(({used}) => used.instances),
      },
      runningJobs: sum(({runningJobs}) => runningJobs),
      runningMax: limitOf(runningMax),
      queuedJobs: sum(({queuedJobs}) => queuedJobs),
      waitingMax: limitOf(waitingMax),
      waitingBytesMax: limitOf(waitingBytesMax),
    };
  });
}

const limitOf = (limit: number): number | null => (limit >= unlimited ? null : limit);
