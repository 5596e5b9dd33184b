/**
 * The settings page of Linkis' console: the keys of an engine type with the caller's values, and what of a page that comes
 * back the caller has changed. Ids of values and labels in a page are not believed: the label is the caller's own.
 */
import {ConfigurationError} from '../actors/configuration.ts';
import type {ConfigurationService, WantedValue} from '../actors/configuration-service.ts';
import {everywhere, printScope, type ConfigScope} from '../actors/configuration-scope.ts';
import {isSecretKey, maskedValue, shownValue} from '../actors/configuration-secret.ts';
import {keyTexts, type Language} from './configuration-view.ts';

type Service = Pick<ConfigurationService, 'lookup' | 'nodeDefaultOf'>;

/** One setting as it came back: which key, and what value it shall have; blank is none. */
export type PageSetting = {
  readonly key: string;
  readonly id?: number | undefined;
  readonly configValue: string;
};

/** What would hold without a value of one's own at `scope`. */
function inheritedText({lookup, nodeDefaultOf}: Service, name: string, scope: ConfigScope): string {
  const own = printScope(scope);
  const nearest = lookup()
    .valuesFor(name, scope)
    .find(({source, scope: at}) => source === 'default' || printScope(at) !== own);
  return nearest?.text ?? nodeDefaultOf(name);
}

export function fullTree(service: Service, scope: ConfigScope, language: Language) {
  const lookup = service.lookup();
  const label = lookup.labelOf(scope);
  const general = lookup.labelOf({...everywhere, engineType: scope.engineType, version: scope.version});
  const settings = lookup.keysOf(scope).map(key => {
    const value = lookup.valueAt(key.id, label?.id);
    return {
      id: key.id,
      key: key.key,
      ...keyTexts(key, language),
      defaultValue: shownValue(key.key, inheritedText(service, key.key, scope)),
      validateType: key.validateType,
      validateRange: key.validateRange,
      boundaryType: key.boundaryType,
      isAdvanced: key.isAdvanced,
      isHidden: key.isHidden,
      level: key.level,
      engineType: key.engineType,
      valueId: value?.id ?? null,
      configValue: value === undefined ? null : shownValue(key.key, value.value),
      configLabelId: value?.labelId ?? general?.id ?? null,
      unit: null,
      isUserDefined: value !== undefined,
      templateRequired: key.templateRequired,
      specialLimit: null,
    };
  });
  return [...Map.groupBy(settings, ({treeName}) => treeName)].map(([name, grouped]) => ({
    name,
    description: null,
    settings: grouped,
  }));
}

/** Throws `ConfigurationError` for a key that there is not. What is as it was shown is no change. */
export function changedSettings(
  service: Service,
  scope: ConfigScope,
  settings: readonly PageSetting[],
): readonly WantedValue[] {
  const lookup = service.lookup();
  assertSparkConf(settings);
  // What comes last of a key counts, as if all were saved one after the other.
  const latest = new Map(settings.map(setting => [setting.key, setting]));
  return [...latest.values()].flatMap(({key: name, id, configValue}): WantedValue[] => {
    const byId = id === undefined ? undefined : lookup.keyById(id);
    const key = byId?.key === name ? byId : lookup.keyFor(name, scope.engineType);
    if (key === undefined) {
      if (configValue === '') return [];
      throw new ConfigurationError('config key is null, please check again!(配置信息为空，请重新检查key值)');
    }
    const own = lookup.valueAt(key.id, lookup.labelOf(scope)?.id)?.value ?? '';
    const inherited = inheritedText(service, name, scope);
    const isSame =
      configValue === own ||
      (own === '' && configValue === inherited) ||
      (isSecretKey(name) && configValue === maskedValue);
    return isSame ? [] : [{key, at: scope, value: configValue}];
  });
}

/** `spark.conf` holds settings of its own, `a=b;c=d`, each once and none that has a key. Throws `ConfigurationError`. */
function assertSparkConf(settings: readonly PageSetting[]): void {
  const text = settings.find(({key}) => key === 'spark.conf')?.configValue ?? '';
  if (text === '') return;
  const names = text.split(';').map(pair => (pair.split('=')[0] ?? '').trim());
  if (new Set(names).size < names.length) throw new ConfigurationError('Spark.conf contains duplicate keys');
  const keys = new Set(settings.map(({key}) => key));
  const twice = names.find(name => keys.has(name));
  if (twice !== undefined) {
    throw new ConfigurationError(`Saved key is duplicated with the spark conf key , key :${twice}`);
  }
}
