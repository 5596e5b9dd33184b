/** `configuration/baseKeyValue`: which keys there are, and their rules; administrators only. */
import {Type} from 'typebox';
import {ConfigurationError, type ConfigKey} from '../../actors/configuration.ts';
import {isValid} from '../../actors/configuration-validation.ts';
import {serviceMethod} from '../api-path.ts';
import {keyView, languageOf} from '../configuration-view.ts';
import {ok, refused, send} from '../envelope.ts';
import {pageOf, pageQuery} from '../listed-page.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';
import {assertAdministrator} from './configuration-categories.ts';

const tags = ['configuration'];

const text = (maxLength: number) => Type.Optional(Type.Union([Type.String({maxLength}), Type.Null()]));
const flag = Type.Optional(Type.Union([Type.Boolean(), Type.Integer(), Type.Null()]));

const KeyBody = Type.Object({
  id: Type.Optional(Type.Union([Type.Integer({minimum: 1}), Type.Null()])),
  key: text(50),
  name: text(50),
  description: text(200),
  defaultValue: text(200),
  validateType: text(50),
  validateRange: text(150),
  boundaryType: Type.Optional(Type.Union([Type.Integer({minimum: 0, maximum: 3}), Type.Null()])),
  treeName: text(20),
  engineType: text(50),
  enName: text(100),
  enDescription: text(200),
  enTreeName: text(100),
  isHidden: flag,
  isAdvanced: flag,
  level: Type.Optional(Type.Union([Type.Integer({minimum: -128, maximum: 127}), Type.Null()])),
  templateRequired: flag,
});

type Body = Readonly<Partial<Record<keyof ConfigKey, string | number | boolean | null>>>;

export function configKeyRoutes(app: FacadeApp, {audit, configuration}: RouteContext): void {
  if (configuration === undefined) return;

  app.get(
    '/api/configuration/baseKeyValue',
    {
      schema: {
        tags,
        summary: 'Keys with their rules; administrators only',
        querystring: Type.Object({
          engineType: Type.Optional(Type.String()),
          key: Type.Optional(Type.String({description: 'part of the name'})),
          ...pageQuery,
        }),
      },
    },
    async (request, reply) => {
      assertAdministrator(request);
      const {engineType = '', key = '', ...page} = request.query;
      const found = configuration
        .lookup()
        .tables.keys.filter(
          each => (engineType === '' || each.engineType === engineType) && each.key.includes(key),
        );
      const configKeyList = pageOf(found, page).map(each => keyView(each, languageOf(request.headers)));
      send(reply, ok(serviceMethod(request.url), {configKeyList, totalPage: found.length}));
    },
  );

  app.post(
    '/api/configuration/baseKeyValue',
    {schema: {tags, summary: 'Make or change a key; administrators only', body: KeyBody}},
    async (request, reply) => {
      const method = serviceMethod(request.url);
      assertAdministrator(request);
      const caller = callerOf(request);
      const {body} = request;
      const missing = missingIn(body);
      if (missing !== undefined) return send(reply, refused(method, `${missing} cannot be empty`));
      const lookup = configuration.lookup();
      const before = lookup.keyById(body.id ?? 0);
      if (before === undefined && (body.id ?? 0) !== 0) {
        throw notThere(body.id);
      }
      const key = readKey(body, before);
      assertDefault(key);
      const same = lookup
        .keysNamed(key.key)
        .some(each => each.engineType === key.engineType && each.id !== key.id);
      if (same) return send(reply, refused(method, `The engine has the same key: ${key.key}`));
      const facts = {
        target: `configuration key:${key.key}`,
        ...(before !== undefined && {before: keyView(before, 'en')}),
        after: keyView(key, 'en'),
      };
      const id = await audit.change('configurationChanged', caller, facts, async () => {
        const saved = await configuration.change(store => store.saveKey(key));
        if (saved === undefined) throw notThere(key.id);
        return saved;
      });
      return send(reply, ok(method, {configKey: keyView({...key, id}, languageOf(request.headers))}));
    },
  );

  app.delete(
    '/api/configuration/baseKeyValue',
    {
      schema: {
        tags,
        summary: 'Remove a key and its values; administrators only',
        querystring: Type.Object({id: Type.Integer({minimum: 1})}),
      },
    },
    async (request, reply) => {
      assertAdministrator(request);
      const {id} = request.query;
      const key = configuration.lookup().keyById(id);
      const facts = {target: `configuration key:${key?.key ?? id}`, ...(key && {before: keyView(key, 'en')})};
      await audit.change('configurationChanged', callerOf(request), facts, async () => {
        const isDone = await configuration.change(store => store.removeKey(id));
        if (!isDone) throw notThere(id);
      });
      send(reply, ok(serviceMethod(request.url)));
    },
  );
}

const notThere = (id: unknown): ConfigurationError =>
  new ConfigurationError(`Config key not exists:${String(id)}(配置键不存在：${String(id)})`);

const required = ['key', 'name', 'description', 'treeName', 'validateType'] as const;

const isBlank = (value: Body[keyof Body]): boolean =>
  value === null || value === undefined || String(value).trim() === '';

/** The first of what a key can't be without, in Linkis' order. */
function missingIn(body: Body): string | undefined {
  const first = required.find(name => isBlank(body[name]));
  if (first !== undefined) return first;
  if (body.validateType !== 'None' && isBlank(body.validateRange)) return 'validateRange';
  return isBlank(body.boundaryType) ? 'boundaryType' : undefined;
}

/** What the body leaves out stays as it was. */
function readKey(body: Body, before: ConfigKey | undefined): ConfigKey {
  const textOf = (
    name:
      | 'key'
      | 'name'
      | 'description'
      | 'defaultValue'
      | 'validateType'
      | 'validateRange'
      | 'engineType'
      | 'treeName'
      | 'enName'
      | 'enDescription'
      | 'enTreeName',
  ): string => String(body[name] ?? before?.[name] ?? '').trim();
  const flagOf = (name: 'isHidden' | 'isAdvanced' | 'templateRequired'): boolean =>
    Boolean(body[name] ?? before?.[name] ?? false);
  return {
    id: before?.id ?? 0,
    key: textOf('key'),
    name: textOf('name'),
    description: textOf('description'),
    defaultValue: textOf('defaultValue'),
    validateType: textOf('validateType'),
    validateRange: textOf('validateRange'),
    engineType: textOf('engineType'),
    treeName: textOf('treeName'),
    enName: textOf('enName'),
    enDescription: textOf('enDescription'),
    enTreeName: textOf('enTreeName'),
    isHidden: flagOf('isHidden'),
    isAdvanced: flagOf('isAdvanced'),
    templateRequired: flagOf('templateRequired'),
    level: Number(body.level ?? before?.level ?? 0),
    boundaryType: Number(body.boundaryType ?? 0),
  };
}

/** Throws `ConfigurationError`: a rule that makes no sense, or a default that it refuses. */
function assertDefault(key: ConfigKey): void {
  const {key: name, validateType, validateRange, defaultValue} = key;
  // Asked for its failure alone: a rule that can't be read would refuse every value.
  if (defaultValue === '') isValid(validateType, validateRange, '');
  else if (!isValid(validateType, validateRange, defaultValue)) {
    throw new ConfigurationError(
      'Parameter configValue verification failed(参数defaultValue校验失败):' +
        `key:${name}, ValidateType:${validateType}, ValidateRange:${validateRange},ConfigValue:${keyView(key, 'en').defaultValue}`,
    );
  }
}
