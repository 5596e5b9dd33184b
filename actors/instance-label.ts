/**
 * Labels of instances: which node carries which, as a port that `persistence/` implements over the seed's three tables,
 * and the rules that a label has to keep (Linkis: `InsLabelService`).
 *
 * One row a node (`host:port`), however many services it has; the node itself writes its labels when it starts, and an
 * administrator at run time. An instance has one value for a key.
 */
import {LinkisError} from './domain/errors.ts';
import type {Labels} from './domain/label.ts';
import {entranceService} from './domain/exec-id.ts';

/** `linkis_ps_instance_info`: `host:port`, and the application name that stands for the node. */
export type ServiceInstance = {readonly instance: string; readonly name: string};

export type StoredLabel = {
  /** Of `linkis_ps_instance_label`: instances that carry the same label share it. */
  readonly id: number;
  readonly key: string;
  readonly value: string;
  readonly feature: string;
  /** Parts of the value. */
  readonly valueSize: number;
  readonly updateTime: number;
  readonly createTime: number;
};

/** A row with its labels, each key once. Times are epoch milliseconds. */
export type LabelledInstance = ServiceInstance & {
  readonly id: number;
  readonly updateTime: number;
  readonly createTime: number;
  readonly labels: readonly StoredLabel[];
};

/**
 * Every change is one transaction under the row lock of its instance, and may be repeated when its answer was lost. All
 * reject with `DatabaseAwayError`, or with a `LinkisError` for a value that can't be stored.
 */
export type InstanceLabelStore = {
  /** All rows, by instance. */
  readonly instances: () => Promise<readonly LabelledInstance[]>;
  /** Empty for an instance without a row. */
  readonly labelsOf: (instance: string) => Promise<Labels>;
  /** Makes or renames the row and adds `labels`; a key that is there gets the new value, other keys stay. */
  readonly register: (instance: ServiceInstance, labels: Labels) => Promise<void>;
  /** Makes or renames the row; its labels are `labels` then. With `scope`, labels with other keys than those stay. */
  readonly replace: (instance: ServiceInstance, labels: Labels, scope?: readonly string[]) => Promise<void>;
  /** Takes the labels with these keys away; the row stays. */
  readonly detach: (instance: string, keys: readonly string[]) => Promise<void>;
  /** Takes the row and its labels away. The labels themselves stay for others, as in Linkis. */
  readonly remove: (instance: string) => Promise<void>;
  /** A text that is another one after each change of what routing depends on; cheap enough to be asked all the time. */
  readonly version: () => Promise<string>;
};

/** Keys that routing looks at. */
export const labelKeys = {
  route: 'route',
  /** `true`: no new jobs come here. Linkis overwrites the route with `offline` instead, and so forgets it. */
  offline: 'offline',
  /** 0 to 100: percent of the requests for its route that this instance gets. */
  weight: 'weight',
  /** `tenant` or `user`: all of one tenant or user go to the same instance. */
  sticky: 'sticky',
} as const;

/** Linkis' value of the route label for an instance that is offline; understood, not written. */
export const offlineRoute = 'offline';

/** What `microservice/instanceLabel` lets an administrator set: Linkis' keys (its spelling too), and two of ours. */
export const modifiableLabelKeys: readonly string[] = [
  labelKeys.route,
  'userCreator',
  'tenant',
  'fixedEngineConn',
  'yarnCluster',
  'engingeConnRuntimeMode',
  labelKeys.weight,
  labelKeys.sticky,
];

const keyCharsMax = 32;
const valueCharsMax = 255;

/** A label that an instance can't carry. Linkis' number. */
export class InvalidInstanceLabelError extends LinkisError {
  override readonly name = 'InvalidInstanceLabelError';
  readonly code = 25002;

  constructor(key: string, value: string, must: string) {
    super(`The label ${key}=${value} can't be set on an instance: ${must}.`);
  }
}

/** A label without a value. Linkis' number. */
export class BlankInstanceLabelError extends LinkisError {
  override readonly name = 'BlankInstanceLabelError';
  readonly code = 25008;

  constructor(key: string) {
    super(`The label ${key} has no value. Give it one, or leave the label out.`);
  }
}

/** Throws `InvalidInstanceLabelError` or `BlankInstanceLabelError`. */
export function assertInstanceLabel(key: string, value: string): void {
  if (value.trim() === '') throw new BlankInstanceLabelError(key);
  const refuse = (must: string): never => {
    throw new InvalidInstanceLabelError(key.slice(0, 80), value.slice(0, 80), must);
  };
  if (key === '' || key.length > keyCharsMax) refuse(`a key has 1 to ${keyCharsMax} characters`);
  if (value.length > valueCharsMax) refuse(`a value has at most ${valueCharsMax} characters`);
  if (/\p{Cc}/u.test(key + value)) refuse('control characters are not allowed');
  switch (key) {
    case labelKeys.route:
    case 'tenant':
      if (value.includes('-')) refuse(`a ${key} has no "-", since the parts of labels are joined with it`);
      break;
    case 'userCreator':
      if (value.split('-').length !== 2) refuse('it is user-creator, with one "-"');
      break;
    case labelKeys.weight:
      if (!/^(?:100|\d{1,2})$/.test(value)) refuse('a weight is a whole number of percent, 0 to 100');
      break;
    case labelKeys.sticky:
      if (value !== 'tenant' && value !== 'user') refuse('it is tenant or user');
      break;
    default:
  }
}

/** Parts of a value that Linkis gives names to, for the column `label_value_size`. */
export const labelValueSize = (key: string): number =>
  key === 'userCreator' || key === 'yarnCluster' ? 2 : 1;

export const labelsOfRow = ({labels}: Pick<LabelledInstance, 'labels'>): Labels =>
  Object.fromEntries(labels.map(({key, value}) => [key, value]));

/** Roles and their application names, the entrance first, then in the product's order. */
const services: readonly (readonly [role: string, service: string])[] = [
  ['entrance', entranceService],
  ['gateway', 'linkis-mg-gateway'],
  ['manager', 'linkis-cg-linkismanager'],
  ['ecm', 'linkis-cg-engineconnmanager'],
  ['jobhistory', 'linkis-ps-publicservice'],
];

/** The application names of all its roles; the first one names the node's row (decision 3). */
export const servicesOf = (roles: readonly string[]): readonly string[] =>
  services.filter(([role]) => roles.includes(role)).map(([, service]) => service);

/** A node's row. */
export const serviceInstanceOf = (instance: string, roles: readonly string[]): ServiceInstance => ({
  instance,
  name: servicesOf(roles)[0] ?? entranceService,
});
