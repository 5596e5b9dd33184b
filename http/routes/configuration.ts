/** `configuration/*` as the console's settings page uses it: categories, and a page of settings for the caller (contract 3.10). */
import {Type} from 'typebox';
import {configValueCharsMax, ConfigurationError} from '../../actors/configuration.ts';
import {
  anyone,
  assertScope,
  isGlobalCreator,
  printScope,
  type ConfigScope,
} from '../../actors/configuration-scope.ts';
import {shownValue} from '../../actors/configuration-secret.ts';
import {serviceMethod} from '../api-path.ts';
import {changedSettings, fullTree} from '../configuration-tree.ts';
import {categoryTree, itemView, languageOf} from '../configuration-view.ts';
import {ok, send} from '../envelope.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';
import {categoryRoutes} from './configuration-categories.ts';
import {configKeyRoutes} from './configuration-keys.ts';
import {userIpRoutes, tenantRoutes} from './configuration-mappings.ts';
import {configValueRoutes} from './configuration-values.ts';

const tags = ['configuration'];

/** A change of settings waits for all others of the cluster: it is kept short. */
const changesMax = 500;

const Setting = Type.Object({
  key: Type.String({maxLength: 50}),
  id: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  configValue: Type.Optional(
    Type.Union([Type.String({maxLength: configValueCharsMax}), Type.Number(), Type.Boolean(), Type.Null()]),
  ),
});

const TreeBody = Type.Object({
  fullTree: Type.Array(Type.Object({settings: Type.Array(Setting, {maxItems: 500})}), {maxItems: 100}),
  creator: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  engineType: Type.Optional(Type.Union([Type.String(), Type.Null()], {description: 'such as spark-2.4.3'})),
});

export function configurationRoutes(app: FacadeApp, context: RouteContext): void {
  const {audit, configuration, engineTypes} = context;

  app.get(
    '/api/configuration/engineType',
    {schema: {tags, summary: 'Engine types a job may ask for'}},
    async (request, reply) => send(reply, ok(serviceMethod(request.url), {engineType: engineTypes})),
  );

  if (configuration === undefined) return;

  app.get(
    '/api/configuration/getCategory',
    {schema: {tags, summary: 'Creators that can be configured, with the engine types of each'}},
    async (request, reply) => {
      const Category = categoryTree(configuration.lookup(), languageOf(request.headers));
      send(reply, ok(serviceMethod(request.url), {Category}));
    },
  );

  app.get(
    '/api/configuration/getFullTreesByAppName',
    {
      schema: {
        tags,
        summary: "The settings of a creator and engine type, with the caller's values",
        querystring: Type.Object({
          creator: Type.Optional(Type.String()),
          engineType: Type.Optional(Type.String()),
          version: Type.Optional(Type.String()),
        }),
      },
    },
    async (request, reply) => {
      const {creator, engineType, version} = request.query;
      const user = callerOf(request).user;
      const scope = isGlobalCreator(creator ?? '')
        ? {user, creator: anyone, engineType: anyone, version: anyone}
        : assertScope({
            user,
            creator: orAny(creator),
            engineType: orAny(engineType),
            version: orAny(version),
          });
      const tree = fullTree(configuration, scope, languageOf(request.headers));
      send(reply, ok(serviceMethod(request.url), {fullTree: tree}));
    },
  );

  app.post(
    '/api/configuration/saveFullTree',
    {
      schema: {
        tags,
        summary: "Save the caller's values of such a page; only what changed counts",
        body: TreeBody,
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const {creator, engineType, fullTree: pages} = request.body;
      const scope = assertScope({
        user: caller.user,
        creator: isGlobalCreator(creator ?? '') ? anyone : orAny(creator),
        ...engineOf(engineType),
      });
      const settings = pages
        .flatMap(page => page.settings)
        .map(({key, id, configValue}) => ({
          key,
          id: id ?? undefined,
          configValue: String(configValue ?? '').trim(),
        }));
      const wanted = changedSettings(configuration, scope, settings);
      if (wanted.length > changesMax) {
        throw new ConfigurationError(
          `${wanted.length} settings are more than can be changed at once, which is ${changesMax}. Save them in parts.`,
        );
      }
      const facts = {
        target: `configuration:${printScope(scope)}`,
        after: Object.fromEntries(wanted.map(({key, value}) => [key.key, shownValue(key.key, value)])),
      };
      await audit.change('configurationChanged', caller, facts, () => configuration.save(wanted, caller));
      send(reply, ok(serviceMethod(request.url)));
    },
  );

  app.get(
    '/api/configuration/getItemList',
    {
      schema: {
        tags,
        summary: 'The keys of an engine type; `*`: those for all',
        querystring: Type.Object({engineType: Type.String()}),
      },
    },
    async (request, reply) => {
      const {engineType} = request.query;
      const type = engineType === anyone ? '' : engineType;
      const keys = configuration.lookup().tables.keys.filter(key => key.engineType === type);
      send(reply, ok(serviceMethod(request.url), {itemList: keys.map(itemView)}));
    },
  );

  configValueRoutes(app, context);
  configKeyRoutes(app, context);
  categoryRoutes(app, context);
  tenantRoutes(app, context);
  userIpRoutes(app, context);
}

const orAny = (text: string | null | undefined): string => {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? anyone : trimmed;
};

/** Of `spark-2.4.3`; nothing, or `*-*`, is any engine. Throws `ConfigurationError`. */
function engineOf(text: string | null | undefined): Pick<ConfigScope, 'engineType' | 'version'> {
  const [engineType = '', version = '', ...more] = (text ?? '').trim().split('-');
  if ((text ?? '').trim() === '') return {engineType: anyone, version: anyone};
  if (engineType === '' || version === '' || more.length > 0) {
    throw new ConfigurationError(
      'The saved engine type parameter is incorrect, please send it in a fixed format, such as spark-2.4.3' +
        '(保存的引擎类型参数有误，请按照固定格式传送，例如spark-2.4.3)',
    );
  }
  return {engineType, version};
}
