/**
 * For whom a value holds, as the label that it hangs on: `{user}-{creator},{engine}-{version}` with `*` for anybody and
 * anything (Linkis: `combined_userCreator_engineType`), or the tenant.
 */
import {LinkisError} from './domain/errors.ts';

export const combinedLabel = 'combined_userCreator_engineType';
export const tenantLabel = 'tenant';
export const anyone = '*';

/** Linkis' names for "everywhere", as creators. The first is the one that answers use. */
export const globalCreators = ['全局设置', '通用设置', 'GlobalSettings'] as const;

export type ConfigScope = {
  readonly user: string;
  readonly creator: string;
  readonly engineType: string;
  readonly version: string;
};

export const everywhere: ConfigScope = {user: anyone, creator: anyone, engineType: anyone, version: anyone};

/** A part can't stand in a label: blank, too long, or with a character that parts the label. */
export class InvalidScopeError extends LinkisError {
  override readonly name = 'InvalidScopeError';
  readonly code = 14105;

  constructor(part: string, value: string) {
    super(
      `The ${part} '${value.slice(0, 60)}' can't be configured: it has 1 to ${partCharsMax} characters, no comma` +
        `${part === 'user' || part === 'version' ? '' : ', no "-"'}, and no blanks at its ends.`,
    );
  }
}

const partCharsMax = 50;
const undashed: ReadonlySet<keyof ConfigScope> = new Set(['creator', 'engineType']);

/** Throws `InvalidScopeError`. */
export function assertScope(scope: ConfigScope): ConfigScope {
  for (const part of ['user', 'creator', 'engineType', 'version'] as const) {
    assertPart(part, scope[part], undashed.has(part));
  }
  return scope;
}

/** Throws `InvalidScopeError`. */
export function assertTenant(tenant: string): string {
  assertPart('tenant', tenant, true);
  return tenant;
}

function assertPart(part: string, value: string, isUndashed: boolean): void {
  const isFine =
    value !== '' && value === value.trim() && value.length <= partCharsMax && !value.includes(',');
  if (!isFine || (isUndashed && value.includes('-'))) throw new InvalidScopeError(part, value);
}

export const printScope = ({user, creator, engineType, version}: ConfigScope): string =>
  `${user}-${creator},${engineType}-${version}`;

/** Undefined for what is no such label. The creator and the engine type hold no `-`, users and versions may. */
export function parseScope(label: string): ConfigScope | undefined {
  const comma = label.indexOf(',');
  const userEnd = label.lastIndexOf('-', comma);
  const typeEnd = label.indexOf('-', comma);
  if (comma < 0 || userEnd <= 0 || typeEnd < 0) return undefined;
  return {
    user: label.slice(0, userEnd),
    creator: label.slice(userEnd + 1, comma),
    engineType: label.slice(comma + 1, typeEnd),
    version: label.slice(typeEnd + 1),
  };
}

export const isGlobalCreator = (creator: string): boolean => globalCreators.some(name => name === creator);

/** Whose values hold, nearest first, for one engine part. */
const userCreators = ({user, creator}: Pick<ConfigScope, 'user' | 'creator'>) => [
  {user, creator},
  {user, creator: anyone},
  {user: anyone, creator},
  {user: anyone, creator: anyone},
];

/** Labels whose values hold for `scope`, nearest first: those of its engine type, then those of all. */
export function scopesFor(scope: ConfigScope): readonly ConfigScope[] {
  const engines = [
    {engineType: scope.engineType, version: scope.version},
    {engineType: anyone, version: anyone},
  ];
  const all = engines.flatMap(engine => userCreators(scope).map(who => ({...who, ...engine})));
  return [...new Map(all.map(each => [printScope(each), each])).values()];
}
