/**
 * Looking at and changing the configuration at run time, for the facade: who may change what, what a value has to be, and
 * that a change is in force here when it is answered. Other nodes have it within their poll.
 */
import {
  ConfigurationError,
  GrantedValueError,
  type ConfigKey,
  type ConfigurationStore,
  type ValueChange,
} from './configuration.ts';
import type {ConfigurationLookup} from './configuration-lookup.ts';
import {
  anyone,
  assertScope,
  assertTenant,
  combinedLabel,
  printScope,
  tenantLabel,
  type ConfigScope,
} from './configuration-scope.ts';
import {isSecretKey, maskedValue} from './configuration-secret.ts';
import {assertValid} from './configuration-validation.ts';
import type {ConfigurationWatch} from './configuration-watch.ts';
import {LinkisError} from './domain/errors.ts';
import type {QuotaSource} from './engine-governance.ts';
import type {Caller} from './governance.ts';
import {createQuotaSource, defaultTexts, raisedAbove, type QuotaSettings} from './quota.ts';

/** A value to set for somebody, or for a tenant; blank takes it away. */
export type WantedValue = {
  readonly key: ConfigKey;
  readonly at: ConfigScope | {readonly tenant: string};
  readonly value: string;
};

export type ConfigurationService = {
  readonly lookup: () => ConfigurationLookup;
  readonly quotas: QuotaSource;
  /** What holds on this node for a key that has no default of its own; blank: nothing. */
  readonly nodeDefaultOf: (key: string) => string;
  /**
   * All or nothing; a masked secret stays what it is. `force` (administrators) stores what its key's rule refuses. Rejects with
   * `ConfigurationError`, `AdministratorKeyError`, `QuotaRaisedError`, `GrantedValueError`, `InvalidScopeError`,
   * `TooManyScopesError`.
   */
  readonly save: (
    wanted: readonly WantedValue[],
    by: Pick<Caller, 'user' | 'isAdmin'>,
    force?: 'force',
  ) => Promise<void>;
  /** Runs a change of the other rows, then sees to it that it is in force here. No permission checks: callers do them. */
  readonly change: <Result>(work: (store: ConfigurationStore) => Promise<Result>) => Promise<Result>;
};

/** `tenon.` keys say how the cluster treats people, and are for administrators. */
export class AdministratorKeyError extends LinkisError {
  override readonly name = 'AdministratorKeyError';
  readonly code = 14102;

  constructor(key: string) {
    super(`${key} can be set by administrators only.`);
  }
}

/** Users may lower their own limits; more is an administrator's to give. */
export class QuotaRaisedError extends LinkisError {
  override readonly name = 'QuotaRaisedError';
  readonly code = 14103;

  constructor(key: string, wanted: string, allowed: string) {
    super(`${key} is at most ${allowed} for you, not ${wanted}. Lower it, or ask an administrator for more.`);
  }
}

/** Labels of users are kept, so nobody may make any number of them. */
export class TooManyScopesError extends LinkisError {
  override readonly name = 'TooManyScopesError';
  readonly code = 14106;

  constructor(user: string, scopesMax: number) {
    super(
      `${user} has values for ${scopesMax} creators and engine types, and more are not kept. Use one of those, or ask an` +
        ' administrator.',
    );
  }
}

export type ConfigurationServiceDependencies = {
  readonly store: ConfigurationStore;
  readonly watch: ConfigurationWatch;
  readonly settings: QuotaSettings;
  /** Tells the other nodes to look; they would find it by themselves a little later. */
  readonly announce?: () => void;
};

const ownPrefix = 'tenon.';
const scopesOfUserMax = 200;

export function createConfigurationService(
  dependencies: ConfigurationServiceDependencies,
): ConfigurationService {
  const {store, watch, settings, announce} = dependencies;
  const defaults = defaultTexts(settings);

  async function change<Result>(work: (inside: ConfigurationStore) => Promise<Result>): Promise<Result> {
    const result = await work(store);
    announce?.();
    await watch.refresh();
    return result;
  }

  function assertMay({key, at, value}: WantedValue, by: Pick<Caller, 'user' | 'isAdmin'>): void {
    if (by.isAdmin) return;
    if ('tenant' in at) throw new AdministratorKeyError(key.key);
    if (at.user !== by.user || at.user === anyone) {
      throw new ConfigurationError('Only admin can modify other user configuration data');
    }
    if (key.key.startsWith(ownPrefix)) throw new AdministratorKeyError(key.key);
    const lookup = watch.current();
    if (lookup.valueAt(key.id, lookup.labelOf(at)?.id)?.isGranted === true) {
      throw new GrantedValueError(printScope(at));
    }
    if (lookup.labelOf(at) === undefined && lookup.scopeCountOf(by.user) >= scopesOfUserMax) {
      throw new TooManyScopesError(by.user, scopesOfUserMax);
    }
    const raised = raisedAbove(lookup, key.key, at, value, settings);
    if (raised !== undefined) throw new QuotaRaisedError(key.key, value, raised.allowed);
  }

  return {
    change,
    lookup: () => watch.current(),
    quotas: createQuotaSource(watch, settings),
    nodeDefaultOf: key => defaults.get(key) ?? '',

    async save(wanted, by, force) {
      const changes = wanted
        .filter(({key, value}) => !(value === maskedValue && isSecretKey(key.key)))
        .map((one): ValueChange => {
          assertMay(one, by);
          const {key, at} = one;
          const value = one.value.trim();
          if (value !== '' && !(force === 'force' && by.isAdmin)) assertValid(key, value);
          const label =
            'tenant' in at
              ? {labelKey: tenantLabel, labelValue: assertTenant(at.tenant)}
              : {labelKey: combinedLabel, labelValue: printScope(assertScope(at))};
          return {
            keyId: key.id,
            ...label,
            value: value === '' ? null : value,
            ...(by.isAdmin && {grantedBy: by.user}),
          };
        });
      if (changes.length > 0) await change(inside => inside.saveValues(changes));
    },
  };
}
