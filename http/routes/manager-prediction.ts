/** `linkisManager/task-prediction`: whether a job could have an engine now; and `reset-resource`, which has nothing to do. */
import {Type} from 'typebox';
import type {EcmView, ResourceUse, Resources} from '../../actors/engine-governance.ts';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {BadRequestError} from '../errors.ts';
import {ManagerError} from '../manager-errors.ts';
import {callerOf} from '../request-caller.ts';
import {leftOf, loadView} from '../resource-view.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const text = (description: string) => Type.Optional(Type.String({maxLength: 128, description}));

const PredictionQuery = Type.Object({
  username: text('whose job; others than oneself: administrators only'),
  engineType: text('shell, or shell-1'),
  creator: text('as in userCreator'),
  clustername: text('ignored: there is no Yarn'),
  queueName: text('ignored: there is no Yarn'),
  tenant: text('label tenant'),
});
const ResetQuery = Type.Object({serviceInstance: text('of an engine'), username: text('a user')});

const tags = ['resources'];

export function managerPredictionRoutes(app: FacadeApp, {audit, engines}: RouteContext): void {
  if (engines === undefined) return;

  app.get(
    '/api/linkisManager/task-prediction',
    {
      schema: {
        tags,
        summary: 'Whether quota and hosts have room for an engine',
        querystring: PredictionQuery,
      },
    },
    async (request, reply) => {
      const {user, isAdmin} = callerOf(request);
      const {username = '', engineType = '', creator = '', tenant = ''} = request.query;
      if (engineType.trim() === '')
        throw new BadRequestError('parameters engineType can not be null (请求参数【engineType】不能为空)');
      if (creator.trim() === '')
        throw new BadRequestError('parameters creator can not be null (请求参数【creator】不能为空)');
      const whose = username.trim() === '' ? user : username.trim();
      if (whose !== user && !isAdmin)
        throw new ManagerError(`Only administrators may ask about jobs of ${whose}.`);
      const type = engineType.trim().replace(/-.*$/, '');
      const [uses, ecms] = await Promise.all([engines.resources(), engines.ecms()]);
      const quota = uses.find(
        use => use.user === whose && use.creator === creator.trim() && use.engineType === type,
      );
      const ecm = roomiest(
        ecms.filter(({health, engineTypes}) => health === 'Healthy' && engineTypes.includes(type)),
      );
      // Without an engine so far nothing is used up.
      const userHasRoom = quota === undefined || hasRoom(leftOfUse(quota));
      send(
        reply,
        ok(serviceMethod(request.url), {
          tenant: tenant.trim(),
          userResource: quota === undefined ? null : loadView(leftOfUse(quota)),
          ecmResource: ecm === undefined ? null : loadView(ecm),
          yarnResource: null,
          checkResult: userHasRoom && ecm !== undefined && hasRoom(ecm),
        }),
      );
    },
  );

  app.get(
    '/api/linkisManager/reset-resource',
    {
      config: {audit: 'changes'},
      schema: {
        tags,
        summary: 'Nothing is stored that could be wrong, so nothing is reset; administrators only',
        querystring: ResetQuery,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      if (!caller.isAdmin) {
        return send(reply, refused(method, 'Only Admin Can Use Reset Resource (重置资源仅管理员使用)'));
      }
      const {serviceInstance = '', username = ''} = request.query;
      audit.note('resourcesReset', caller, {target: serviceInstance || username || 'all'});
      return send(reply, ok(method));
    },
  );
}

const leftOfUse = ({max, used, locked}: ResourceUse): Resources => leftOf(max, used, locked);

const hasRoom = ({memoryBytes, cores, instances}: Resources): boolean =>
  memoryBytes > 0 && cores > 0 && instances > 0;

/** What the host with the most memory left has left. */
const roomiest = (ecms: readonly EcmView[]): Resources | undefined =>
  ecms.map(({capacity, used}) => leftOf(capacity, used)).toSorted((a, b) => b.memoryBytes - a.memoryBytes)[0];
