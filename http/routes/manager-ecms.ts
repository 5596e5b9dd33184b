/** `linkisManager/*` about engine managers, the hosts that engines run on (contract 3.4). For administrators. */
import {Type} from 'typebox';
import {nodeHealths, type EcmView, type NodeHealth} from '../../actors/engine-governance.ts';
import {modifiableLabelKeys} from '../../actors/instance-label.ts';
import type {Caller} from '../../actors/governance.ts';
import {serviceMethod} from '../api-path.ts';
import {ecmNodeView, ecmOwner} from '../ecm-view.ts';
import {ok, send} from '../envelope.ts';
import {isBlank, LabelList, name, NodeBody, requiredInstance, type LabelPair} from '../manager-bodies.ts';
import {EcmNotFoundError, ManagerError} from '../manager-errors.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const text = (description: string) => Type.Optional(Type.String({maxLength: 256, description}));

const EcmQuery = Type.Object({
  instance: text('part of host:port'),
  nodeHealthy: text('only with this health'),
  owner: text('part of the owner'),
  tenantLabel: text('part of the label tenant'),
});

const EcmBody = Type.Object({
  ...NodeBody,
  emStatus: name('the new health; blank: as it is'),
  labels: LabelList,
  description: Type.Optional(Type.Union([Type.String({maxLength: 256}), Type.Null()])),
});

const tags = ['engines'];

export function managerEcmRoutes(app: FacadeApp, {engines, routing, audit}: RouteContext): void {
  if (engines === undefined) return;

  app.get(
    '/api/linkisManager/listAllEMs',
    {schema: {tags, summary: 'Engine managers; administrators only', querystring: EcmQuery}},
    async (request, reply) => {
      refuseOthers(callerOf(request));
      const {instance = '', nodeHealthy = '', owner = '', tenantLabel = ''} = request.query;
      const found = (await engines.ecms())
        .filter(ecm => ecm.instance.includes(instance.trim()))
        .filter(({health}) => nodeHealthy === '' || health.toLowerCase() === nodeHealthy.toLowerCase())
        .filter(() => ecmOwner.includes(owner.trim()))
        .filter(({labels}) => (labels['tenant'] ?? '').includes(tenantLabel.trim()))
        .toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
      send(reply, ok(serviceMethod(request.url), {EMs: found.map(ecmNodeView)}));
    },
  );

  app.get(
    '/api/linkisManager/listAllECMHealthyStatus',
    {
      schema: {
        tags,
        summary: 'Names of the health of engine managers',
        querystring: Type.Object({onlyEditable: text('ignored: the list is the same')}),
      },
    },
    async (request, reply) => send(reply, ok(serviceMethod(request.url), {nodeHealthy: nodeHealths})),
  );

  app.put(
    '/api/linkisManager/modifyEMInfo',
    {
      schema: {
        tags,
        summary: 'Change health, labels and description of an engine manager; administrators only',
        body: EcmBody,
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      refuseOthers(caller);
      const instance = requiredInstance(request.body);
      const {emStatus, labels: given, description} = request.body;
      const ecm = (await engines.ecms()).find(known => known.instance === instance);
      if (ecm === undefined) throw new EcmNotFoundError(instance);
      const health = readHealth(emStatus);
      const labels = given === undefined || given === null ? undefined : readLabels(given);
      const change = {
        ...(health !== undefined && {health}),
        ...(typeof description === 'string' && {description}),
      };
      await audit.change(
        'ecmChanged',
        caller,
        {instance, before: factsOf(ecm, labels !== undefined)},
        async () => {
          // Labels first: their values may be refused, and then nothing has changed.
          if (labels !== undefined) await setLabels(instance, labels);
          if (Object.keys(change).length > 0 && !(await engines.setEcm(instance, change))) {
            throw new EcmNotFoundError(instance);
          }
        },
        () => ({after: {...change, ...(labels !== undefined && {labels})}}),
      );
      send(reply, ok(serviceMethod(request.url), {}, 'success'));
    },
  );

  async function setLabels(instance: string, labels: Readonly<Record<string, string>>): Promise<void> {
    if (routing === undefined) {
      throw new ManagerError(
        `This node knows no labels of instances; change those of ${instance} elsewhere.`,
      );
    }
    await routing.setLabels(instance, labels);
  }
}

function refuseOthers({isAdmin}: Caller): void {
  if (!isAdmin) throw new ManagerError('Only admin can modify ECMs(只有管理员才能修改ECM).');
}

const factsOf = ({health, description, labels}: EcmView, withLabels: boolean) => ({
  health,
  description,
  ...(withLabels && {labels}),
});

/** Throws `ManagerError`. */
function readHealth(given: string | null | undefined): NodeHealth | undefined {
  if (isBlank(given)) return undefined;
  const health = nodeHealths.find(known => known === given.trim());
  if (health === undefined) {
    throw new ManagerError(`emStatus must be one of ${nodeHealths.join(', ')}, not ${given}`);
  }
  return health;
}

/** Labels that may be set; the others, such as the instance itself, come back from the console unchanged. */
function readLabels(given: readonly LabelPair[]): Readonly<Record<string, string>> {
  const wanted = given.filter(({labelKey}) => modifiableLabelKeys.includes(labelKey));
  const labels = Object.fromEntries(
    wanted.map(({labelKey, stringValue}) => [labelKey, stringValue?.trim() ?? '']),
  );
  if (Object.keys(labels).length < wanted.length) {
    throw new ManagerError('Failed to update label, include repeat labels(更新label失败，包含重复label)');
  }
  return labels;
}
