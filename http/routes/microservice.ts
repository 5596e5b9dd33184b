/** `microservice/*`: instances, their labels, and the registry as Linkis' console reads it (contract 3.8). */
import {Type} from 'typebox';
import {
  modifiableLabelKeys,
  servicesOf,
  type LabelledInstance,
  type StoredLabel,
} from '../../actors/instance-label.ts';
import type {RouteMember} from '../../actors/route-snapshot.ts';
import {LinkisError} from '../../actors/domain/errors.ts';
import {ok, refused, send} from '../envelope.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

/** Something about instances that this caller may not do, or that makes no sense. Linkis' number and texts. */
export class InstanceError extends LinkisError {
  override readonly name = 'InstanceError';
  readonly code = 14100;
}

const LabelsBody = Type.Object({
  applicationName: Type.Optional(
    Type.Union([Type.String(), Type.Null()], {description: 'linkis-cg-entrance, …'}),
  ),
  instance: Type.Optional(Type.Union([Type.String(), Type.Null()], {description: 'host:port'})),
  labels: Type.Optional(
    Type.Array(
      Type.Object({labelKey: Type.String(), stringValue: Type.Union([Type.String(), Type.Null()])}),
      {
        maxItems: 100,
      },
    ),
  ),
});

const RegistryQuery = Type.Object({
  serviceName: Type.Optional(Type.String({description: 'part of an application name'})),
  hostName: Type.Optional(Type.String()),
  ip: Type.Optional(Type.String()),
});

export function microserviceRoutes(app: FacadeApp, context: RouteContext): void {
  const {audit, instance, routing, settings} = context;

  app.get(
    '/api/microservice/modifiableLabelKey',
    {schema: {tags: ['microservice'], summary: 'Label keys an administrator may set on an instance'}},
    async (_request, reply) => send(reply, ok(null, {keyList: modifiableLabelKeys})),
  );

  // Linkis' page of the registry; here every gateway knows all members.
  for (const name of ['serviceRegistryURL', 'eurekaURL']) {
    app.get(
      `/api/microservice/${name}`,
      {schema: {tags: ['microservice'], summary: 'Where members can be looked at'}},
      async (_request, reply) => {
        const scheme = settings.tlsCertFile === '' ? 'http' : 'https';
        send(reply, ok(null, {url: `${scheme}://${printHost(instance.host)}:${instance.port}`}));
      },
    );
  }

  if (routing === undefined) return;

  app.get(
    '/api/microservice/allInstance',
    {schema: {tags: ['microservice'], summary: 'Instances and their labels; administrators only'}},
    async (request, reply) => {
      const {user, isAdmin} = callerOf(request);
      if (!isAdmin) {
        throw new InstanceError(
          `Only admin can view all instances(只有管理员才能查看所有实例).The user [${user}] is not admin.`,
        );
      }
      return send(reply, ok(null, {instances: (await routing.instances()).map(instanceView)}));
    },
  );

  app.put(
    '/api/microservice/instanceLabel',
    {
      schema: {
        tags: ['microservice'],
        summary: 'Replace the labels of an instance; administrators only',
        body: LabelsBody,
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      if (!caller.isAdmin) {
        throw new InstanceError(
          `Only admin can modify instance label(只有管理员才能修改标签). The user [${caller.user}] is not admin`,
        );
      }
      const {applicationName, instance: target, labels: given = []} = request.body;
      if (isBlank(target)) return send(reply, refused(null, 'instance cannot be empty(实例名不能为空'));
      if (isBlank(applicationName))
        return send(reply, refused(null, 'instance cannot be empty(实例类型不能为空'));
      const wanted = given.filter(({labelKey}) => modifiableLabelKeys.includes(labelKey));
      const labels = Object.fromEntries(
        wanted.map(({labelKey, stringValue}) => [labelKey, stringValue?.trim() ?? '']),
      );
      if (Object.keys(labels).length < wanted.length) {
        throw new InstanceError('Failed to update label, include repeat label(更新label失败，包含重复label)');
      }
      const row = (await routing.instances()).find(({instance: known}) => known === target);
      const before = Object.fromEntries((row?.labels ?? []).map(({key, value}) => [key, value]));
      await audit.change(
        'labelsChanged',
        caller,
        {instance: target, labels, before},
        () => routing.setLabels(target, labels),
        () => ({after: labels}),
      );
      const answered = Object.entries(labels).map(([labelKey, stringValue]) => ({
        labelKey,
        stringValue,
        ...labelFacts(labelKey, stringValue),
      }));
      return send(reply, ok(null, {labels: answered}, 'success'));
    },
  );

  app.get(
    '/api/microservice/serviceInstances',
    {
      schema: {
        tags: ['microservice'],
        summary: 'Members and their services, in the form of a registry',
        querystring: RegistryQuery,
      },
    },
    async (request, reply) => {
      const {serviceName = '', hostName = '', ip = ''} = request.query;
      const list = routing
        .members()
        .flatMap(registryEntries)
        .filter(({serviceId}) => serviceId.toUpperCase().includes(serviceName.toUpperCase()))
        .filter(({host}) => (hostName === '' || host === hostName) && (ip === '' || host === ip));
      send(reply, ok(null, {list}));
    },
  );
}

/** Written so that what is left is a text. */
const isBlank = (text: string | null | undefined): text is null | undefined | '' =>
  text === null || text === undefined || text.trim() === '';

const instanceView = ({id, updateTime, createTime, name, instance, labels}: LabelledInstance) => ({
  id,
  updateTime,
  createTime,
  applicationName: name,
  instance,
  labels: labels.map(labelView),
});

const labelView = ({id, key, value, feature, valueSize, updateTime, createTime}: StoredLabel) => ({
  id,
  labelKey: key,
  stringValue: value,
  labelValueSize: valueSize,
  ...labelFacts(key, value),
  feature,
  updateTime,
  createTime,
});

const labelFacts = (key: string, value: string) => ({
  modifiable: modifiableLabelKeys.includes(key),
  feature: null,
  featureKey: 'feature',
  empty: value === '',
});

/** One entry for each service of a member, with the fields of Eureka that the console shows. */
function registryEntries({instance, roles, state, isReachable, labels}: RouteMember) {
  const at = instance.lastIndexOf(':');
  const [host, port] = [instance.slice(0, at), Number(instance.slice(at + 1))];
  const status = state === 'up' ? (isReachable ? 'UP' : 'DOWN') : registryStates[state];
  return servicesOf(roles).map(serviceId => ({
    serviceId,
    instanceId: `${host}:${serviceId}:${port}`,
    host,
    port,
    metadata: labels ?? {},
    instanceInfo: {
      instanceId: `${host}:${serviceId}:${port}`,
      app: serviceId.toUpperCase(),
      ipAddr: host,
      hostName: host,
      status,
      port,
      metadata: labels ?? {},
    },
  }));
}

const registryStates = {
  joining: 'STARTING',
  leaving: 'OUT_OF_SERVICE',
  dead: 'DOWN',
  gone: 'DOWN',
} as const;

const printHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);
