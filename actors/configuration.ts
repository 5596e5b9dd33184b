/**
 * Configuration as Linkis keeps it: keys, and values of keys under labels that say for whom a value holds. A port that
 * `persistence/` implements over Linkis' tables; what follows from the rows is in `configuration-lookup.ts`.
 */
import {LinkisError} from './domain/errors.ts';

/** Of the column of values. */
export const configValueCharsMax = 500;

/** `linkis_ps_configuration_config_key`. Blank texts stand for null. */
export type ConfigKey = {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly defaultValue: string;
  /** `None`, `NumInterval`, `FloatInterval`, `Regex`, `OFT`, `Contains`, `Json`. */
  readonly validateType: string;
  readonly validateRange: string;
  /** Blank: for all of them. */
  readonly engineType: string;
  readonly isHidden: boolean;
  readonly isAdvanced: boolean;
  readonly level: number;
  readonly treeName: string;
  readonly boundaryType: number;
  readonly enName: string;
  readonly enDescription: string;
  readonly enTreeName: string;
  readonly templateRequired: boolean;
};

/** `linkis_cg_manager_label`, of those keys that values hang on. */
export type ConfigLabel = {readonly id: number; readonly key: string; readonly value: string};

export type ConfigValue = {
  readonly id: number;
  readonly keyId: number;
  readonly labelId: number;
  readonly value: string;
  /** An administrator has given it: its user can't change it. */
  readonly isGranted: boolean;
  readonly updateTime: number;
  readonly createTime: number;
};

export type ConfigCategory = {
  readonly id: number;
  readonly labelId: number;
  /** 1 a creator, 2 an engine type of a creator. */
  readonly level: number;
  readonly description: string;
  readonly tag: string;
  readonly updateTime: number;
  readonly createTime: number;
};

/** `linkis_cg_tenant_label_config`: `*` stands for any user, or any creator. */
export type TenantMapping = {
  readonly id: number;
  readonly user: string;
  readonly creator: string;
  readonly tenant: string;
  readonly description: string;
  readonly businessUser: string;
  readonly isValid: boolean;
  readonly updateTime: number;
  readonly createTime: number;
};

/** `linkis_cg_user_ip_config`: `*`, or addresses with commas between them. */
export type UserIpMapping = {
  readonly id: number;
  readonly user: string;
  readonly creator: string;
  readonly ipList: string;
  readonly description: string;
  readonly businessUser: string;
  readonly updateTime: number;
  readonly createTime: number;
};

/** Everything. Lists are ordered by id. */
export type ConfigurationTables = {
  readonly keys: readonly ConfigKey[];
  /** Which keys a label of an engine type and version, or the label of everything, has. */
  readonly relations: readonly {readonly keyId: number; readonly labelId: number}[];
  readonly labels: readonly ConfigLabel[];
  /** Without blank ones. */
  readonly values: readonly ConfigValue[];
  readonly categories: readonly ConfigCategory[];
  readonly tenants: readonly TenantMapping[];
  readonly userIps: readonly UserIpMapping[];
};

/** One value to set, or to take away (null). */
export type ValueChange = {
  readonly keyId: number;
  readonly labelKey: string;
  readonly labelValue: string;
  readonly value: string | null;
  /** The administrator who gives it; undefined: a user sets their own, and must not touch what was given. */
  readonly grantedBy?: string;
};

export type NewMapping<Mapping> = Omit<Mapping, 'id' | 'updateTime' | 'createTime'> & {
  /** Undefined makes one. */
  readonly id?: number;
};

/** Every change is one transaction, one at a time in the whole cluster. All reject with `DatabaseAwayError`. */
export type ConfigurationStore = {
  /** Another text after each change; cheap to ask. Changes by other programs show when they add rows. */
  readonly version: () => Promise<string>;
  readonly tables: () => Promise<ConfigurationTables>;
  /** All or nothing. Rejects with `GrantedValueError`. */
  readonly saveValues: (changes: readonly ValueChange[]) => Promise<void>;
  /**
   * Makes a key (id 0), with its relations to the labels of its engine type, or changes it. Undefined: no such key. Rejects
   * with `DuplicateRowError`.
   */
  readonly saveKey: (key: ConfigKey) => Promise<number | undefined>;
  /** With its values and relations. False: there was none. */
  readonly removeKey: (id: number) => Promise<boolean>;
  /** Rejects with `DuplicateRowError`. */
  readonly createCategory: (labelValue: string, level: number, description: string) => Promise<void>;
  readonly updateCategory: (id: number, description: string, tag: string | undefined) => Promise<boolean>;
  /** With their labels, and the values under these. */
  readonly removeCategories: (ids: readonly number[]) => Promise<void>;
  /** False: none with that id. Rejects with `DuplicateRowError`. */
  readonly saveTenant: (mapping: NewMapping<TenantMapping>) => Promise<boolean>;
  readonly removeTenant: (id: number) => Promise<boolean>;
  /** False: none with that id. Rejects with `DuplicateRowError`. */
  readonly saveUserIp: (mapping: NewMapping<UserIpMapping>) => Promise<boolean>;
  readonly removeUserIp: (id: number) => Promise<boolean>;
};

/** What Linkis refuses about configuration, with its number and its texts. */
export class ConfigurationError extends LinkisError {
  override readonly name = 'ConfigurationError';
  readonly code = 14100;
}

/** Somebody wanted to change a value that an administrator has given them. */
export class GrantedValueError extends LinkisError {
  override readonly name = 'GrantedValueError';
  readonly code = 14101;

  constructor(labelValue: string) {
    super(
      `An administrator has set this value for ${labelValue}; only an administrator can change it or take it away.`,
    );
  }
}

/** Another row stands for the same: a user and creator, a category. */
export class DuplicateRowError extends LinkisError {
  override readonly name = 'DuplicateRowError';
  readonly code = 14104;

  constructor(what: string) {
    super(`${what} is there already. Change that row, or remove it first.`);
  }
}
