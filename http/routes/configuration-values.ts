/** `configuration/keyvalue` and `userKeyValue`: single values, the caller's own or, for administrators, anybody's. */
import {Type} from 'typebox';
import {configValueCharsMax, ConfigurationError, type ConfigKey} from '../../actors/configuration.ts';
import type {ConfigurationService} from '../../actors/configuration-service.ts';
import {
  anyone,
  assertScope,
  assertTenant,
  parseScope,
  printScope,
  tenantLabel,
  type ConfigScope,
} from '../../actors/configuration-scope.ts';
import {shownValue} from '../../actors/configuration-secret.ts';
import {assertValid} from '../../actors/configuration-validation.ts';
import type {Caller} from '../../actors/governance.ts';
import {serviceMethod} from '../api-path.ts';
import {userValueView, valueView} from '../configuration-view.ts';
import {ok, refused, send} from '../envelope.ts';
import {pageOf, pageQuery} from '../listed-page.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const tags = ['configuration'];

const text = Type.Optional(Type.Union([Type.String({maxLength: 600}), Type.Null()]));

/** Whose: `user` and `tenant` are ours, Linkis takes the caller. */
const scopeParts = {engineType: text, version: text, creator: text, user: text, tenant: text};

const KeyQuery = Type.Object({
  configKey: Type.String({maxLength: 50}),
  engineType: Type.Optional(Type.String()),
  version: Type.Optional(Type.String()),
  creator: Type.Optional(Type.String()),
  user: Type.Optional(Type.String({description: "Somebody else's; administrators only"})),
  tenant: Type.Optional(Type.String({description: "A tenant's value instead; administrators only"})),
});

const SaveBody = Type.Object({
  ...scopeParts,
  configKey: text,
  configValue: Type.Optional(
    Type.Union([Type.String({maxLength: configValueCharsMax}), Type.Number(), Type.Boolean(), Type.Null()]),
  ),
  configKeyId: Type.Optional(Type.Union([Type.String(), Type.Integer(), Type.Null()])),
  force: Type.Optional(Type.Union([Type.Boolean(), Type.String()])),
});

const DeleteBody = Type.Object({...scopeParts, configKey: text});

type Parts = Readonly<
  Partial<Record<'engineType' | 'version' | 'creator' | 'user' | 'tenant', string | null>>
>;
type Target = ConfigScope | {readonly tenant: string};

export function configValueRoutes(app: FacadeApp, {audit, configuration}: RouteContext): void {
  if (configuration === undefined) return;

  app.get(
    '/api/configuration/keyvalue',
    {schema: {tags, summary: 'The value of a key, exactly there', querystring: KeyQuery}},
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const {configKey, ...parts} = request.query;
      const target = targetOf(parts, callerOf(request));
      if (typeof target === 'string') return send(reply, refused(method, target));
      const configValues = storedAt(configuration, configKey, target).map(({key, value}) =>
        valueView(key, value),
      );
      return send(
        reply,
        ok(method, {
          configValues,
          ...(configValues.length > 1 && {
            warnMessage: `There are multiple values for the corresponding Key： ${configKey}`,
          }),
        }),
      );
    },
  );

  app.post(
    '/api/configuration/keyvalue',
    {schema: {tags, summary: 'Set one value', body: SaveBody}},
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      const {configKey, configValue, configKeyId, force, ...parts} = request.body;
      const name = configKey?.trim() ?? '';
      const value = String(configValue ?? '').trim();
      if (!caller.isAdmin && parts.user?.trim() !== caller.user) {
        return send(reply, refused(method, 'Only admin can modify other user configuration data'));
      }
      const target = targetOf(parts, caller);
      if (typeof target === 'string') return send(reply, refused(method, target));
      if (name === '') return send(reply, refused(method, 'key cannot be empty'));
      if (value === '') throw new ConfigurationError('Key or value cannot be null(键或值不能为空)');
      const key = keyOf(configuration, name, target, configKeyId);
      const isForced = caller.isAdmin && (force === true || force === 'true');
      const facts = {
        target: `configuration:${printTarget(target)}`,
        before: {[name]: shownAt(configuration, key, target)},
        after: {[name]: shownValue(name, value)},
      };
      await audit.change('configurationChanged', caller, facts, () =>
        configuration.save([{key, at: target, value}], caller, isForced ? 'force' : undefined),
      );
      const [stored] = storedAt(configuration, name, target).filter(each => each.key.id === key.id);
      const msg = isForced ? complaintAbout(key, value) : undefined;
      return send(
        reply,
        ok(method, {
          ...(msg !== undefined && {msg}),
          configValue: stored === undefined ? null : valueView(stored.key, stored.value),
        }),
      );
    },
  );

  app.delete(
    '/api/configuration/keyvalue',
    {schema: {tags, summary: 'Take a value away', body: DeleteBody}},
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      const {configKey, ...parts} = request.body;
      const name = configKey?.trim() ?? '';
      const target = targetOf(parts, caller);
      if (typeof target === 'string') return send(reply, refused(method, target));
      if (name === '') return send(reply, refused(method, 'key cannot be empty'));
      const stored = storedAt(configuration, name, target);
      const facts = {
        target: `configuration:${printTarget(target)}`,
        before: Object.fromEntries(stored.map(({value}) => [name, shownValue(name, value.value)])),
      };
      await audit.change('configurationChanged', caller, facts, () =>
        configuration.save(
          stored.map(({key}) => ({key, at: target, value: ''})),
          caller,
        ),
      );
      const configValues = stored.map(({key, value}) => valueView(key, value));
      return send(reply, ok(method, {configValues}));
    },
  );

  app.get(
    '/api/configuration/userKeyValue',
    {
      schema: {
        tags,
        summary: 'Values that are set, with for whom; own ones, administrators all',
        querystring: Type.Object({
          engineType: Type.Optional(Type.String()),
          key: Type.Optional(Type.String()),
          creator: Type.Optional(Type.String()),
          user: Type.Optional(Type.String()),
          ...pageQuery,
        }),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const {user: caller, isAdmin} = callerOf(request);
      const {engineType = '', key = '', creator = '', user = '', ...page} = request.query;
      if (!isAdmin && user !== caller) {
        return send(reply, refused(method, 'Only admin can query other user configuration data'));
      }
      const lookup = configuration.lookup();
      const found = lookup.tables.values.flatMap(value => {
        const of = lookup.keyById(value.keyId);
        const label = lookup.labelById(value.labelId)?.value ?? '';
        const scope = parseScope(label);
        const isWanted =
          (engineType === '' || of?.engineType === engineType) &&
          (key === '' || of?.key === key) &&
          (user === '' || scope?.user === user) &&
          (creator === '' || scope?.creator === creator);
        return of !== undefined && scope !== undefined && isWanted ? [userValueView(of, value, label)] : [];
      });
      return send(reply, ok(method, {configValueList: pageOf(found, page), totalPage: found.length}));
    },
  );
}

/** Where a value stands, or why the caller may not look there. Throws `InvalidScopeError`. */
function targetOf(parts: Parts, {user: caller, isAdmin}: Caller): Target | string {
  const part = (name: keyof Parts, otherwise: string): string => {
    const given = parts[name]?.trim() ?? '';
    return given === '' ? otherwise : given;
  };
  const [user, tenant] = [part('user', caller), part('tenant', '')];
  if (!isAdmin && (user !== caller || tenant !== '')) {
    return 'Only admin can query other user configuration data';
  }
  if (tenant !== '') return {tenant: assertTenant(tenant)};
  const [engineType, version] = [part('engineType', anyone), part('version', anyone)];
  if (engineType === anyone && version !== anyone) {
    return 'When engineType is any engine, the version must also be any version';
  }
  return assertScope({user, creator: part('creator', anyone), engineType, version});
}

/** Throws `ConfigurationError`. */
function keyOf(
  {lookup}: ConfigurationService,
  name: string,
  target: Target,
  id: string | number | null | undefined,
): ConfigKey {
  const byId = lookup().keyById(Number(id ?? 0));
  const engineType = 'tenant' in target ? anyone : target.engineType;
  const key = byId?.key === name ? byId : lookup().keyFor(name, engineType);
  if (key === undefined) throw new ConfigurationError(`Config key not exists:${name}(配置键不存在：${name})`);
  return key;
}

/** Values of all keys of that name under exactly that label. Throws `ConfigurationError` as Linkis does. */
function storedAt({lookup}: ConfigurationService, name: string, target: Target) {
  const now = lookup();
  const keys = now.keysNamed(name);
  if (keys.length === 0) throw new ConfigurationError(`Config key not exists:${name}(配置键不存在：${name})`);
  const label =
    'tenant' in target
      ? now.tables.labels.find(each => each.key === tenantLabel && each.value === target.tenant)
      : now.labelOf(target);
  if (label === undefined) {
    const printed = printTarget(target);
    throw new ConfigurationError(`Label not exists:${printed}(标签不存在${printed})`);
  }
  return keys.flatMap(key => {
    const value = now.valueAt(key.id, label.id);
    return value === undefined ? [] : [{key, value}];
  });
}

function shownAt({lookup}: ConfigurationService, key: ConfigKey, target: Target): string {
  const now = lookup();
  const label =
    'tenant' in target
      ? now.tables.labels.find(each => each.key === tenantLabel && each.value === target.tenant)
      : now.labelOf(target);
  return shownValue(key.key, now.valueAt(key.id, label?.id)?.value ?? '');
}

const printTarget = (target: Target): string =>
  'tenant' in target ? `tenant ${target.tenant}` : printScope(target);

/** What the key's rule says of a value that was stored all the same. */
function complaintAbout(key: ConfigKey, value: string): string | undefined {
  try {
    assertValid(key, value);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return (
      'The update was successful, but the value verification failed. Please confirm if it has any impact：' +
      `（更新成功，但是值校验失败，请确认是否有影响）\n${error.message}`
    );
  }
}
