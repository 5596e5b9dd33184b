/**
 * Labels of a submission. Clients send a value as text or as an object of named parts; the stored form is text, the
 * parts joined with `-` in a fixed order (Linkis: `SerializableLabel`). Unknown keys are kept as they are.
 */
import {LinkisError} from './errors.ts';
import type {EngineTypeLabel} from './job.ts';

/** Label key → text value. */
export type Labels = Readonly<Record<string, string>>;

export const labelsMax = 64;
export const labelKeyCharsMax = 64;
/** Width of `label_value` in the seeds' tables. */
export const labelValueCharsMax = 255;
/** All labels of a job together, as JSON: they stand in one `text` column. */
export const labelBytesMax = 32_768;

/** A label that can't be used; the message names it. Nothing is stored. */
export class InvalidLabelError extends LinkisError {
  override readonly name = 'InvalidLabelError';
  readonly code = 20009;

  constructor(what: string) {
    super(`Label params invalid ${what}`);
  }
}

/** `jobQueuingTimeout` or `jobRunningTimeout` is not a whole number of seconds. Nothing is stored. */
export class InvalidTimeLabelError extends LinkisError {
  override readonly name = 'InvalidTimeLabelError';
  readonly code = 20009;

  constructor() {
    super('Label params invalid The task time tag is not set incorrectly, execution is not allowed.');
  }
}

/** Order of the parts where Linkis gives them names; other objects keep their own order. */
const partNames: Readonly<Record<string, readonly string[]>> = {
  engineType: ['engineType', 'version'],
  userCreator: ['user', 'creator'],
  yarnCluster: ['clusterType', 'clusterName'],
  bindEngine: ['jobGroupId', 'isJobGroupHead', 'isJobGroupEnd'],
  loadBalance: ['capacity', 'groupId'],
};

/** Carried by label objects beside their value. */
const notParts = new Set(['feature', 'featureKey', 'labelKey', 'empty', 'modifiable']);

/** Keys whose value is one plain word (Linkis refuses `-` in them). */
const undashed = new Set(['route', 'tenant']);

/**
 * The labels of a request body as text. A null value counts as absent. Throws `InvalidLabelError` for lists, nested
 * values, and what is too much or too long.
 */
export function readLabels(raw: Readonly<Record<string, unknown>>): Labels {
  const entries = Object.entries(raw).filter(([, value]) => value !== null && value !== undefined);
  if (entries.length > labelsMax) {
    throw new InvalidLabelError(`There are ${entries.length} labels, at most ${labelsMax} are allowed.`);
  }
  const labels = Object.fromEntries(entries.map(([key, value]) => [key, readLabel(key, value)]));
  const size = Buffer.byteLength(JSON.stringify(labels));
  if (size > labelBytesMax) {
    throw new InvalidLabelError(`The labels take ${size} bytes, at most ${labelBytesMax} are allowed.`);
  }
  return labels;
}

function readLabel(key: string, value: unknown): string {
  if (key.trim() === '' || key.length > labelKeyCharsMax) {
    throw new InvalidLabelError(
      `A label key has 1 to ${labelKeyCharsMax} characters, not ${key.length}: ${key.slice(0, 40)}`,
    );
  }
  const text = printLabelValue(key, value).trim().toWellFormed();
  if (text.length > labelValueCharsMax) {
    throw new InvalidLabelError(
      `Label ${key} has ${text.length} characters, at most ${labelValueCharsMax} are allowed.`,
    );
  }
  if (/\p{Cc}/u.test(text)) throw new InvalidLabelError(`Label ${key} contains a control character.`);
  if (undashed.has(key) && text.includes('-')) {
    throw new InvalidLabelError(
      `Label ${key} must not contain "-", since the parts of a label are joined with it: ${text}`,
    );
  }
  return text;
}

/** The text form of one value. Throws `InvalidLabelError`. */
export function printLabelValue(key: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidLabelError(`Label ${key} must be a text or an object of texts.`);
  }
  const given = Object.entries(value).filter(([, part]) => part !== null && part !== undefined);
  const whole = given.find(([name]) => name === 'stringValue')?.[1];
  if (typeof whole === 'string') return whole;
  const order = partNames[key];
  const known = given.filter(([name]) => !notParts.has(name));
  const parts =
    order === undefined
      ? known
      : order.flatMap(name => known.filter(([candidate]) => candidate === name).slice(0, 1));
  const texts = parts.map(([name, part]) => {
    if (typeof part === 'object') {
      throw new InvalidLabelError(`Part ${name} of label ${key} must be a text.`);
    }
    return String(part);
  });
  return texts.join('-');
}

/** Everything after the first `-` is the version; empty if there is none. Undefined without a type. */
export function parseEngineType(text: string): EngineTypeLabel | undefined {
  const at = text.indexOf('-');
  const type = (at < 0 ? text : text.slice(0, at)).trim();
  return type === '' ? undefined : {type, version: at < 0 ? '' : text.slice(at + 1).trim()};
}

export const printEngineType = ({type, version}: EngineTypeLabel): string =>
  version === '' ? type : `${type}-${version}`;

/**
 * `user-creator`, with exactly one `-`. A user whose own name holds `-` is recognised by `executeUser`, which Linkis
 * could not express. Undefined if it is neither.
 */
export function parseUserCreator(
  text: string,
  executeUser: string,
): {readonly user: string; readonly creator: string} | undefined {
  const isOwn =
    text[executeUser.length] === '-' &&
    text.slice(0, executeUser.length).toLowerCase() === executeUser.toLowerCase();
  const at = isOwn ? executeUser.length : text.indexOf('-');
  if (at <= 0) return undefined;
  const creator = text.slice(at + 1).trim();
  return creator === '' || creator.includes('-') ? undefined : {user: text.slice(0, at).trim(), creator};
}

/** Whole seconds as clients write them, in milliseconds. Undefined for 0, which is no limit, and for anything else. */
export function secondsMs(text: string | undefined): number | undefined {
  const seconds = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return seconds === 0 ? undefined : seconds * 1000;
}

/** Throws `InvalidTimeLabelError`. */
export function assertTimeLabels(labels: Labels): void {
  for (const text of [labels['jobQueuingTimeout'], labels['jobRunningTimeout']]) {
    if (text !== undefined && !/^\d{1,9}$/.test(text)) throw new InvalidTimeLabelError();
  }
}

/** A whole number from 0 to `max`; undefined without the label. Throws `InvalidLabelError`. */
export function countLabel(labels: Labels, key: string, max: number): number | undefined {
  const text = labels[key];
  if (text === undefined) return undefined;
  const count = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(count <= max)) {
    throw new InvalidLabelError(`Label ${key} must be a whole number from 0 to ${max}, not ${text}`);
  }
  return count;
}
