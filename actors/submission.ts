/**
 * Reads the body of `submit` or `execute` (contract 4.1, 4.2; Linkis: `CommonEntranceParser`). The new form is chosen if
 * and only if the body has the key `executionContent`; unknown fields are ignored. What fails here leaves no row.
 */
import {defaultCodeTypeOf, defaultVersionOf} from './domain/engine-version.ts';
import type {EngineTypeLabel} from './domain/job.ts';
import {isRecord, withSection, type Params} from './domain/job-params.ts';
import {
  assertTimeLabels,
  InvalidLabelError,
  parseEngineType,
  parseUserCreator,
  printEngineType,
  readLabels,
  type Labels,
} from './domain/label.ts';
import type {Caller} from './governance.ts';
import {
  CodeAndScriptPathMissingError,
  CodeBlankError,
  CodeMissingError,
  EngineTypeMissingError,
  ExecuteUserMissingError,
  LabelsMissingError,
  MalformedSubmissionError,
  RunTypeMissingError,
  SubmissionTooLargeError,
  UnknownEngineTypeError,
} from './submission-errors.ts';
import type {SubmissionSettings} from './submission-settings.ts';

export type SubmissionContext = {
  readonly caller: Caller;
  readonly idempotencyKey?: string;
  /** Types without version, such as `shell`. */
  readonly knownEngineTypes: readonly string[];
  readonly submissionBytesMax: number;
  readonly settings: Pick<SubmissionSettings, 'defaultCreator'>;
};

export type ParsedSubmission = {
  readonly submitUser: string;
  readonly executeUser: string;
  readonly creator: string;
  readonly engineType: EngineTypeLabel;
  readonly codeType: string;
  readonly code: string;
  /** With `engineType`, `userCreator` and `codeType` filled in. */
  readonly labels: Labels;
  /** As sent, with `submitUser` and `executeUser` among the runtime parameters. */
  readonly params: Params;
  /** With `requestIP`. */
  readonly source: Readonly<Record<string, string>>;
};

/** Widths of the columns. */
const userCharsMax = 50;
const creatorCharsMax = 50;
const codeTypeCharsMax = 50;
const engineTypeCharsMax = 32;
const idempotencyKeyCharsMax = 128;
const depthMax = 64;

/** Names stand in execIDs, which stand in URLs. */
const nameForm = /^[^\s\p{C}/\\?#%&"'<>]+$/u;

type Body = Readonly<Record<string, unknown>>;

type Content = {readonly code: string; readonly codeType?: string; readonly labels: Labels};

/** Throws the errors of `submission-errors.ts`, `InvalidLabelError`, `InvalidTimeLabelError`. */
export function parseSubmission(body: unknown, context: SubmissionContext): ParsedSubmission {
  const {caller, knownEngineTypes, submissionBytesMax} = context;
  if (!isRecord(body)) throw new MalformedSubmissionError('the body must be a JSON object');
  assertIdempotencyKey(context.idempotencyKey);
  const executeUser = executeUserOf(body, caller);
  const isNewForm = Object.hasOwn(body, 'executionContent');
  const {code, codeType, labels} = isNewForm ? newForm(body) : oldForm(body, executeUser, context);
  assertTimeLabels(labels);
  const engineType = engineTypeOf(labels, knownEngineTypes);
  const userCreator = labels['userCreator'] || `${executeUser}-${context.settings.defaultCreator}`;
  const creator = creatorOf(userCreator, executeUser);
  if (codeType === undefined) throw new RunTypeMissingError();
  assertName('runType', codeType, codeTypeCharsMax);
  const params = withSection(paramsOf(body), 'runtime', {submitUser: caller.user, executeUser});
  const source = {...sourceOf(body), requestIP: caller.address};
  const bytes = Buffer.byteLength(code) + byteSize('params', params) + byteSize('source', source);
  if (bytes > submissionBytesMax) throw new SubmissionTooLargeError(bytes, submissionBytesMax);
  return {
    submitUser: caller.user,
    executeUser,
    creator,
    engineType,
    codeType,
    code,
    params,
    source,
    labels: {...labels, engineType: printEngineType(engineType), userCreator, codeType},
  };
}

function newForm(body: Body): Content {
  const content = body['executionContent'];
  if (!isRecord(content) || content['code'] === undefined || content['code'] === null) {
    throw new CodeMissingError();
  }
  const code = textOf(content, 'code', 'executionContent.code') ?? '';
  if (code.trim() === '') throw new CodeBlankError();
  const labels = labelsOf(body);
  if (Object.keys(labels).length === 0) throw new LabelsMissingError();
  if (!labels['engineType']) throw new EngineTypeMissingError();
  const codeType = textOf(content, 'runType', 'executionContent.runType')?.trim() || labels['codeType'];
  return {code, labels, ...(codeType ? {codeType} : {})};
}

/** `labels` go before what the old fields say. */
function oldForm(body: Body, executeUser: string, {settings}: SubmissionContext): Content {
  const code = textOf(body, 'executionCode') ?? '';
  const creator = textOf(body, 'requestApplicationName')?.trim() || settings.defaultCreator;
  const hasScript = Boolean(sourceOf(body)['scriptPath']?.trim());
  if (code.trim() === '' && creator === settings.defaultCreator && !hasScript) {
    throw new CodeAndScriptPathMissingError();
  }
  const application = textOf(body, 'executeApplicationName')?.trim();
  const labels: Labels = {
    ...(application ? {engineType: application} : {}),
    userCreator: `${executeUser}-${creator}`,
    ...labelsOf(body),
  };
  const codeType =
    textOf(body, 'runType')?.trim() ||
    labels['codeType'] ||
    defaultCodeTypeOf(parseEngineType(labels['engineType'] ?? '')?.type ?? '');
  return {code, labels, codeType};
}

/** Only an administrator's token may name somebody else; from others the field is overwritten, as in Linkis. */
function executeUserOf(body: Body, caller: Caller): string {
  const named = caller.hasAdminToken ? textOf(body, 'executeUser')?.trim() : undefined;
  const executeUser = named || caller.user;
  if (executeUser.trim() === '') throw new ExecuteUserMissingError();
  assertName('executeUser', executeUser, userCharsMax);
  return executeUser;
}

function engineTypeOf(labels: Labels, known: readonly string[]): EngineTypeLabel {
  const label = parseEngineType(labels['engineType'] ?? '');
  if (label === undefined) throw new EngineTypeMissingError();
  if (!known.includes(label.type)) {
    throw new UnknownEngineTypeError(label.type.slice(0, engineTypeCharsMax), known);
  }
  return label.version === '' ? {...label, version: defaultVersionOf(label.type)} : label;
}

function creatorOf(userCreator: string, executeUser: string): string {
  const creator = parseUserCreator(userCreator, executeUser)?.creator;
  if (creator === undefined) {
    throw new InvalidLabelError(`Label userCreator must be user-creator with one "-", not ${userCreator}`);
  }
  assertName('creator', creator, creatorCharsMax);
  return creator;
}

function labelsOf(body: Body): Labels {
  const {labels} = body;
  if (labels === undefined || labels === null) return {};
  if (!isRecord(labels)) throw new MalformedSubmissionError('labels must be an object');
  return readLabels(labels);
}

function paramsOf(body: Body): Params {
  const params = objectOf(body, 'params');
  const configuration = objectOf(params, 'configuration', 'params.configuration');
  for (const section of ['startup', 'runtime', 'special']) {
    objectOf(configuration, section, `params.configuration.${section}`);
  }
  const variables = objectOf(params, 'variable', 'params.variable');
  for (const [name, value] of Object.entries(variables)) {
    if (typeof value === 'object' && value !== null) {
      throw new MalformedSubmissionError(`params.variable.${name.slice(0, 40)} must be a text`);
    }
  }
  if (isDeeper(params, depthMax)) {
    throw new MalformedSubmissionError(`params is nested more than ${depthMax} levels deep`);
  }
  return params;
}

function sourceOf(body: Body): Readonly<Record<string, string>> {
  const source = objectOf(body, 'source');
  if (isDeeper(source, depthMax)) {
    throw new MalformedSubmissionError(`source is nested more than ${depthMax} levels deep`);
  }
  return Object.fromEntries(
    Object.entries(source)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

function objectOf(parent: Body, key: string, path = key): Body {
  const value = parent[key];
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw new MalformedSubmissionError(`${path} must be an object`);
  return value;
}

/** A half of a surrogate pair, which no encoding can hold, becomes a replacement character. */
function textOf(parent: Body, key: string, path = key): string | undefined {
  const value = parent[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new MalformedSubmissionError(`${path} must be a text`);
  return value.toWellFormed();
}

function assertName(what: string, name: string, charsMax: number): void {
  if (name.length > charsMax) {
    throw new MalformedSubmissionError(
      `${what} has ${name.length} characters, at most ${charsMax} are allowed`,
    );
  }
  if (!nameForm.test(name)) {
    throw new MalformedSubmissionError(`${what} "${name}" holds a blank, a quote or one of / \\ ? # % & < >`);
  }
}

function assertIdempotencyKey(key: string | undefined): void {
  if (key === undefined) return;
  if (key.trim() === '' || key.length > idempotencyKeyCharsMax) {
    throw new MalformedSubmissionError(
      `the idempotency key must have 1 to ${idempotencyKeyCharsMax} characters`,
    );
  }
}

/** Without recursion, since the value is not ours: also true for a value that contains itself. */
function isDeeper(value: unknown, levels: number): boolean {
  let layer: unknown[] = [value];
  for (let level = 0; level <= levels; level += 1) {
    const next: unknown[] = [];
    for (const member of layer) {
      if (typeof member === 'object' && member !== null) {
        for (const child of Object.values(member)) {
          if (typeof child === 'object' && child !== null) next.push(child);
        }
      }
    }
    if (next.length === 0) return false;
    layer = next;
  }
  return true;
}

function byteSize(what: string, value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value));
  } catch (error) {
    throw new MalformedSubmissionError(`${what} can't be written as JSON (${String(error)})`);
  }
}
