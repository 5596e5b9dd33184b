/** `linkisManager/*` that changes engines (contract 3.3): their health, and labels as far as those can be changed. */
import {Type} from 'typebox';
import type {EngineView} from '../../actors/engine-governance.ts';
import type {Caller} from '../../actors/governance.ts';
import {serviceMethod} from '../api-path.ts';
import {engineLabels} from '../engine-view.ts';
import {ok, send} from '../envelope.ts';
import {isBlank, LabelList, name, NodeBody, requiredInstance, type LabelPair} from '../manager-bodies.ts';
import {EngineLabelError, EngineNotFoundError, ManagerError} from '../manager-errors.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const EngineBody = Type.Object({
  ...NodeBody,
  labels: LabelList,
  nodeHealthy: name('Healthy or UnHealthy; blank: as it is'),
});

const BatchBody = Type.Object({
  instances: Type.Optional(Type.Union([Type.Array(Type.Object(NodeBody), {maxItems: 1000}), Type.Null()])),
});

const tags = ['engines'];
type Health = 'Healthy' | 'UnHealthy';

export function managerChangeRoutes(app: FacadeApp, {engines, audit}: RouteContext): void {
  if (engines === undefined) return;

  /** Throws `EngineNotFoundError`. */
  async function engineOf(name_: string): Promise<EngineView> {
    const found = (await engines?.engines())?.find(
      ({engineId, instance}) => engineId === name_ || instance === name_,
    );
    if (found === undefined) throw new EngineNotFoundError(name_);
    return found;
  }

  async function setHealth(engine: EngineView, health: Health, caller: Caller): Promise<void> {
    const {engineId, instance, user} = engine;
    await audit.change(
      'engineChanged',
      caller,
      {target: `engine:${engineId}`, instance, owner: user, before: {health: engine.health}},
      async () => {
        // It may have ended since it was looked for.
        if (!(await engines?.setEngineHealth(engineId, health))) throw new EngineNotFoundError(instance);
      },
      () => ({after: {health}}),
    );
  }

  app.put(
    '/api/linkisManager/modifyEngineInfo',
    {schema: {tags, summary: 'Change the health of an engine; administrators only', body: EngineBody}},
    async (request, reply) => {
      const caller = callerOf(request);
      refuseOthers(caller);
      const {labels, nodeHealthy} = request.body;
      const engine = await engineOf(requiredInstance(request.body));
      const health = readHealth(nodeHealthy);
      checkLabels(engine, labels ?? []);
      if (health !== undefined) await setHealth(engine, health, caller);
      const text = 'success to update engine information(更新引擎信息成功)';
      send(reply, ok(serviceMethod(request.url), {}, text));
    },
  );

  app.post(
    '/api/linkisManager/batchSetEngineToUnHealthy',
    {
      schema: {
        tags,
        summary: 'Engines get no more jobs, and end when they have none; administrators only',
        body: BatchBody,
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      refuseOthers(caller);
      const names = (request.body.instances ?? []).map(requiredInstance);
      // All are looked for before the first is changed.
      const found = await Promise.all(names.map(engineOf));
      await Promise.all(found.map(engine => setHealth(engine, 'UnHealthy', caller)));
      const text = 'success to update engine information(批量更新引擎健康信息成功)';
      send(reply, ok(serviceMethod(request.url), {}, text));
    },
  );
}

function refuseOthers({isAdmin}: Caller): void {
  if (!isAdmin)
    throw new ManagerError('Only admin can modify engineConn information(只有管理员才能修改引擎信息).');
}

/** Throws `ManagerError`. */
function readHealth(text: string | null | undefined): Health | undefined {
  if (isBlank(text)) return undefined;
  const health = (['Healthy', 'UnHealthy'] as const).find(known => known === text.trim());
  if (health === undefined) {
    throw new ManagerError(`The health of an engine can be set to Healthy or UnHealthy, not to ${text}`);
  }
  return health;
}

/** The console sends all labels back, also when it changes the health only. Throws `ManagerError`, `EngineLabelError`. */
function checkLabels(engine: EngineView, labels: readonly LabelPair[]): void {
  const keys = labels.map(({labelKey}) => labelKey);
  if (new Set(keys).size < keys.length) {
    throw new ManagerError('Failed to update label, include repeat label(更新label失败，包含重复label)');
  }
  const present = new Map<string, string>(
    engineLabels(engine).map(({labelKey, stringValue}) => [labelKey, stringValue]),
  );
  for (const {labelKey, stringValue} of labels) {
    const value = stringValue?.trim() ?? '';
    if (present.get(labelKey) !== value) throw new EngineLabelError(labelKey, value);
  }
}
