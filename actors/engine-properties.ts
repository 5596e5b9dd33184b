/** What the configuration says to an engine of one user and creator: the values of the keys of its type. */
import type {ConfigurationLookup} from './configuration-lookup.ts';
import {defaultVersionOf} from './domain/engine-version.ts';
import type {EngineKey} from './engine-key.ts';

/** Nearest value of each key that is the type's own; general keys, such as quotas, are not for engines. */
export function enginePropertiesOf(
  lookup: Pick<ConfigurationLookup, 'keysOf' | 'valuesFor'>,
  {engineType, user, creator}: EngineKey,
): Readonly<Record<string, string>> {
  const version = defaultVersionOf(engineType);
  const properties: Record<string, string> = {};
  for (const {key, engineType: of} of lookup.keysOf({engineType, version})) {
    if (of !== engineType) continue;
    const [nearest] = lookup.valuesFor(key, {user, creator, engineType, version});
    if (nearest !== undefined && nearest.text !== '') properties[key] = nearest.text;
  }
  return properties;
}
