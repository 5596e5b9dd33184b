/** Rows of the configuration in Linkis' shapes. Secrets are masked here, on every way out. */
import type {
  ConfigCategory,
  ConfigKey,
  ConfigValue,
  TenantMapping,
  UserIpMapping,
} from '../actors/configuration.ts';
import type {ConfigurationLookup} from '../actors/configuration-lookup.ts';
import {globalCreators, isGlobalCreator, parseScope} from '../actors/configuration-scope.ts';
import {shownValue} from '../actors/configuration-secret.ts';

/** The header `Content-Language`, of which only `en` counts. */
export type Language = 'zh' | 'en';

export const languageOf = (headers: Readonly<Record<string, unknown>>): Language =>
  headers['content-language'] === 'en' ? 'en' : 'zh';

const orElse = (text: string, other: string): string => (text === '' ? other : text);

/** Name, description and tree of a key in the reader's language, as far as it has them. */
export const keyTexts = (key: ConfigKey, language: Language) =>
  language === 'en'
    ? {
        name: orElse(key.enName, key.name),
        description: orElse(key.enDescription, key.description),
        treeName: orElse(key.enTreeName, key.treeName),
      }
    : {name: key.name, description: key.description, treeName: key.treeName};

export const keyView = (key: ConfigKey, language: Language) => ({
  id: key.id,
  key: key.key,
  ...keyTexts(key, language),
  defaultValue: shownValue(key.key, key.defaultValue),
  validateType: key.validateType,
  validateRange: key.validateRange,
  boundaryType: key.boundaryType,
  engineType: key.engineType,
  isHidden: key.isHidden,
  isAdvanced: key.isAdvanced,
  level: key.level,
  enName: key.enName,
  enDescription: key.enDescription,
  enTreeName: key.enTreeName,
  templateRequired: key.templateRequired ? 1 : 0,
});

export const itemView = (key: ConfigKey) => ({
  key: key.key,
  name: key.name,
  description: key.description,
  engineType: key.engineType,
  validateType: key.validateType,
  validateRange: key.validateRange,
  boundaryType: key.boundaryType,
  defaultValue: shownValue(key.key, key.defaultValue),
  require: key.templateRequired ? 1 : 0,
});

export const valueView = (key: ConfigKey, value: ConfigValue) => ({
  id: value.id,
  configKeyId: key.id,
  configValue: shownValue(key.key, value.value),
  configLabelId: value.labelId,
  updateTime: value.updateTime,
  createTime: value.createTime,
});

export const userValueView = (key: ConfigKey, value: ConfigValue, labelValue: string) => ({
  key: key.key,
  name: key.name,
  description: key.description,
  defaultValue: shownValue(key.key, key.defaultValue),
  engineType: key.engineType,
  configKeyId: key.id,
  configValueId: value.id,
  configValue: shownValue(key.key, value.value),
  configLabelId: value.labelId,
  labelValue,
});

export type CategoryView = {
  readonly categoryId: number;
  readonly labelId: number;
  readonly categoryName: string;
  readonly childCategory: readonly CategoryView[];
  readonly description: string | null;
  readonly tag: string | null;
  readonly createTime: number;
  readonly updateTime: number;
  readonly level: number;
  readonly fatherCategoryName: string | null;
};

const categoryView = (
  category: ConfigCategory,
  categoryName: string,
  fatherCategoryName: string | null = null,
  childCategory: readonly CategoryView[] = [],
): CategoryView => ({
  categoryId: category.id,
  labelId: category.labelId,
  categoryName,
  childCategory,
  description: category.description === '' ? null : category.description,
  tag: category.tag === '' ? null : category.tag,
  createTime: category.createTime,
  updateTime: category.updateTime,
  level: category.level,
  fatherCategoryName,
});

/** Creators, each with the engine types below it. One whose creator is gone is left out. */
export function categoryTree(lookup: ConfigurationLookup, language: Language): readonly CategoryView[] {
  const [chinese, , english] = globalCreators;
  const scoped = lookup.tables.categories.flatMap(category => {
    const scope = parseScope(lookup.labelById(category.labelId)?.value ?? '');
    return scope === undefined ? [] : [{category, scope}];
  });
  const childrenOf = (creator: string): readonly CategoryView[] =>
    scoped
      .filter(({category, scope}) => category.level === 2 && scope.creator === creator)
      .map(({category, scope}) => categoryView(category, `${scope.engineType}-${scope.version}`, creator));
  return scoped
    .filter(({category}) => category.level === 1)
    .map(({category, scope: {creator}}) => {
      const name = isGlobalCreator(creator) ? (language === 'en' ? english : chinese) : creator;
      return categoryView(category, name, null, childrenOf(creator));
    });
}

const mappingView = (mapping: Omit<UserIpMapping, 'ipList'>) => ({
  // Text in Linkis.
  id: String(mapping.id),
  user: mapping.user,
  creator: mapping.creator,
  createTime: mapping.createTime,
  updateTime: mapping.updateTime,
  desc: mapping.description,
  bussinessUser: mapping.businessUser,
});

export const tenantView = (mapping: TenantMapping) => ({
  ...mappingView(mapping),
  tenantValue: mapping.tenant,
  isValid: mapping.isValid ? 'Y' : 'N',
});

export const userIpView = (mapping: UserIpMapping) => ({...mappingView(mapping), ipList: mapping.ipList});
