/** Categories of the settings page; administrators only. */
import {Type} from 'typebox';
import type {FastifyRequest} from 'fastify';
import {ConfigurationError} from '../../actors/configuration.ts';
import {anyone, assertScope, isGlobalCreator, printScope} from '../../actors/configuration-scope.ts';
import {serviceMethod} from '../api-path.ts';
import {categoryTree} from '../configuration-view.ts';
import {ok, send} from '../envelope.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const tags = ['configuration'];
const text = Type.Optional(Type.Union([Type.String({maxLength: 1000}), Type.Null()]));
/** Clients send numbers as texts too. */
const id = Type.Optional(Type.Union([Type.Integer(), Type.String({maxLength: 20}), Type.Null()]));

/** Throws Linkis' refusal. */
export function assertAdministrator(request: FastifyRequest): void {
  if (callerOf(request).isAdmin) return;
  throw new ConfigurationError('Only admin have permission to perform this operation(限管理员执行此操作)');
}

export function categoryRoutes(app: FacadeApp, {audit, configuration}: RouteContext): void {
  if (configuration === undefined) return;

  app.post(
    '/api/configuration/createFirstCategory',
    {
      schema: {
        tags,
        summary: 'A creator that can be configured; administrators only',
        body: Type.Object({categoryName: text, description: text}),
      },
    },
    async (request, reply) => {
      assertAdministrator(request);
      const {categoryName, description} = request.body;
      const name = categoryName?.trim() ?? '';
      if (isNothing(name)) {
        throw new ConfigurationError('CategoryName is null, cannot be added(categoryName 为空，无法添加)');
      }
      if (name.includes('-')) {
        throw new ConfigurationError("CategoryName cannot be included '-'(类别名称不能包含 '-')");
      }
      const isThere = categoryTree(configuration.lookup(), 'zh').some(
        each => each.categoryName.toLowerCase() === name.toLowerCase(),
      );
      if (isThere || isGlobalCreator(name) || name === anyone) {
        throw new ConfigurationError(
          `category name : ${name} is exist, cannot be created(目录名：${name}已存在，无法创建)`,
        );
      }
      const label = printScope(
        assertScope({user: anyone, creator: name, engineType: anyone, version: anyone}),
      );
      await audit.change('configurationChanged', callerOf(request), {target: `category:${label}`}, () =>
        configuration.change(store => store.createCategory(label, 1, description ?? '')),
      );
      send(reply, ok(serviceMethod(request.url)));
    },
  );

  app.post(
    '/api/configuration/createSecondCategory',
    {
      schema: {
        tags,
        summary: 'An engine type of a creator; administrators only',
        body: Type.Object({categoryId: id, engineType: text, version: text, description: text}),
      },
    },
    async (request, reply) => {
      assertAdministrator(request);
      const {categoryId, engineType, version, description} = request.body;
      const type = engineType?.trim() ?? '';
      const father = Number(categoryId ?? 0);
      if (!(father > 0)) {
        throw new ConfigurationError('Creator is null, cannot be added(创建者为空，无法添加)');
      }
      if (isNothing(type)) {
        throw new ConfigurationError('Engine type is null, cannot be added(引擎类型为空，无法添加)');
      }
      const given = version?.trim() ?? '';
      const name = `${type}-${isNothing(given) ? anyone : given}`;
      const category = categoryTree(configuration.lookup(), 'zh').find(each => each.categoryId === father);
      if (category === undefined) {
        throw new ConfigurationError(
          `category id : ${father} is not exist, cannot be created(目录id：${father}不存在，无法创建)`,
        );
      }
      if (isGlobalCreator(category.categoryName)) {
        throw new ConfigurationError(
          'Global setting do not allow the configuration of engines to be added(全局设置不允许添加引擎配置!)',
        );
      }
      if (category.childCategory.some(each => each.categoryName.toLowerCase() === name.toLowerCase())) {
        throw new ConfigurationError(`${name} is exist, cannot be created(${name}已经存在，无法创建)`);
      }
      const label = printScope(
        assertScope({
          user: anyone,
          creator: category.categoryName,
          engineType: type,
          version: isNothing(given) ? anyone : given,
        }),
      );
      await audit.change('configurationChanged', callerOf(request), {target: `category:${label}`}, () =>
        configuration.change(store => store.createCategory(label, 2, description ?? '')),
      );
      send(reply, ok(serviceMethod(request.url)));
    },
  );

  app.post(
    '/api/configuration/deleteCategory',
    {
      schema: {
        tags,
        summary: 'Remove a category, what is below it, and the values there; administrators only',
        body: Type.Object({categoryId: id}),
      },
    },
    async (request, reply) => {
      assertAdministrator(request);
      const wanted = Number(request.body.categoryId ?? 0);
      const tree = categoryTree(configuration.lookup(), 'zh');
      const category = tree
        .flatMap(each => [each, ...each.childCategory])
        .find(each => each.categoryId === wanted);
      if (category === undefined) {
        throw new ConfigurationError(
          `cannot find category, categoryId:${wanted}(没有找到要删除的目录，目录Id:${wanted})`,
        );
      }
      if (category.level === 1 && isGlobalCreator(category.categoryName)) {
        throw new ConfigurationError(
          'The global settings are everybody’s and stay; remove single values instead.',
        );
      }
      const ids = [category, ...category.childCategory].map(each => each.categoryId);
      const facts = {target: `category:${category.categoryName}`, before: {categoryIds: ids}};
      await audit.change('configurationChanged', callerOf(request), facts, () =>
        configuration.change(store => store.removeCategories(ids)),
      );
      send(reply, ok(serviceMethod(request.url)));
    },
  );

  app.post(
    '/api/configuration/updateCategoryInfo',
    {
      schema: {
        tags,
        summary: 'Describe a category; administrators only',
        body: Type.Object({categoryId: id, description: text, tag: text}),
      },
    },
    async (request, reply) => {
      assertAdministrator(request);
      const {categoryId, description, tag} = request.body;
      if (
        categoryId === undefined ||
        categoryId === null ||
        description === undefined ||
        description === null
      ) {
        throw new ConfigurationError(
          'Incomplete request parameters, please reconfirm(请求参数不完整，请重新确认)',
        );
      }
      const facts = {target: `category:${categoryId}`, after: {description, tag: tag ?? undefined}};
      await audit.change('configurationChanged', callerOf(request), facts, async () => {
        const isDone = await configuration.change(store =>
          store.updateCategory(Number(categoryId), description, tag ?? undefined),
        );
        if (!isDone) throw new ConfigurationError(`There is no category with the id ${categoryId}.`);
      });
      send(reply, ok(serviceMethod(request.url)));
    },
  );
}

/** Linkis' clients send the word where they have no value. */
const isNothing = (given: string): boolean => given === '' || given.toLowerCase() === 'null';
