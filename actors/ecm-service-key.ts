/** The ECM's place in the receptionist, and the check of what arrives there from other nodes. */
import {resultBytesMax, type EcmCommand} from './ecm-protocol.ts';
import {nodeHealths, type EngineLogRequest} from './engine-governance.ts';
import type {ServiceKey} from './runtime/receptionist.ts';

type Check = (value: unknown) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const text =
  (charactersMax: number): Check =>
  value =>
    typeof value === 'string' && value.length <= charactersMax;

const whole =
  (max = Number.MAX_SAFE_INTEGER): Check =>
  value =>
    Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= max;

const optional =
  (check: Check): Check =>
  value =>
    value === undefined || check(value);

const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  value =>
    isObject(value) && Object.entries(fields).every(([name, check]) => check(value[name]));

/** Texts by name, within a bound for all of them together. */
const texts =
  (charactersMax: number): Check =>
  value =>
    isObject(value) &&
    Object.values(value).every(entry => typeof entry === 'string') &&
    Object.entries(value).reduce((sum, [name, entry]) => sum + name.length + String(entry).length, 0) <=
      charactersMax;

const isRef: Check = value =>
  isObject(value) && typeof value['tell'] === 'function' && typeof value['path'] === 'string';

/** An engine's id becomes a folder: letters and digits, nothing that climbs. */
const engineId: Check = value => typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(value);

const name = text(256);
const taskKey = shape({taskID: whole(), attempt: whole()});
const taskClaim = shape({taskID: whole(), attempt: whole(), epoch: whole()});
const ofHolder = {engineId, holder: shape({incarnation: name, grip: whole()}), replyTo: isRef};

/** Cores may be parts of one. */
const amount: Check = value => Number.isFinite(value) && Number(value) >= 0 && Number(value) <= 1_000_000;
const resources = shape({memoryBytes: whole(), cores: amount, instances: whole()});

const launch = shape({
  engineId,
  engineType: name,
  user: name,
  creator: name,
  limits: shape({
    memoryBytesMax: whole(),
    processesMax: whole(),
    diskBytesMax: whole(),
    openFilesMax: whole(),
  }),
  orphanIdleMs: whole(),
  orphanBusyMs: whole(),
  tenant: optional(name),
  version: optional(name),
  reserved: optional(resources),
  fence: optional(whole()),
});

/** Submissions end at 5 MB; substitution may make their code longer. */
const codeCharactersMax = 16 * 1024 * 1024;
const environmentCharactersMax = 256 * 1024;

const engineTask = shape({
  taskID: whole(),
  attempt: whole(),
  epoch: whole(),
  code: text(codeCharactersMax),
  codeType: name,
  runtimeParams: isObject,
  environment: texts(environmentCharactersMax),
  runningTimeoutMs: optional(whole()),
});

const graceMs = whole(24 * 3600 * 1000);

const oneOf =
  (allowed: readonly unknown[]): Check =>
  value =>
    allowed.includes(value);

const keywords: Check = value => Array.isArray(value) && value.length <= 20 && value.every(text(256));

const logTypes: readonly EngineLogRequest['logType'][] = ['stdout', 'stderr', 'gc', 'yarnApp', 'udfLog'];

const logRequest = shape({
  logType: oneOf(logTypes),
  fromLine: whole(),
  pageSize: whole(),
  lastRows: whole(),
  enableTail: value => typeof value === 'boolean',
  ignoreKeywords: optional(keywords),
  onlyKeywords: optional(keywords),
});

type FieldsOf<Command> = {readonly [Name in Exclude<keyof Command, 'type'>]-?: Check};

/** Each field of each command, or it does not compile. */
const commands: {readonly [Type in EcmCommand['type']]: FieldsOf<Extract<EcmCommand, {type: Type}>>} = {
  list: {replyTo: isRef},
  launch: {...ofHolder, launch, timeoutMs: whole(3600 * 1000), owner: isRef},
  attach: {...ofHolder, known: optional(taskClaim), owner: isRef},
  takeOver: {...ofHolder, task: taskClaim, owner: isRef},
  execute: {...ofHolder, task: engineTask},
  follow: {...ofHolder, task: taskKey, fromOffset: whole(), flow: whole(), consumer: isRef},
  kill: {...ofHolder, task: taskKey, graceMs, why: value => value === 'killed' || value === 'timedOut'},
  listResults: {...ofHolder, task: taskKey},
  readResult: {...ofHolder, task: taskKey, file: name, offset: whole(), bytesMax: whole(resultBytesMax)},
  // It names a folder of this host: nobody elsewhere may have files put there.
  publishResults: {...ofHolder, task: taskKey, directory: () => false},
  confirm: {...ofHolder, task: taskKey},
  shutdown: {...ofHolder, graceMs},
  release: ofHolder,
  terminateEngineConnection: {engineId, graceMs, fence: optional(whole()), replyTo: isRef},
  getEngineMetrics: {engineId, replyTo: isRef},
  reportEngineResourceUsage: {engineId: optional(engineId), replyTo: isRef},
  engineLog: {engineId, request: logRequest, replyTo: isRef},
  setHealth: {health: optional(oneOf(nodeHealths)), description: optional(text(1000)), replyTo: isRef},
};

const checks = new Map<unknown, Check>(
  Object.entries(commands).map(([type, fields]) => [type, shape(fields)] as const),
);

export const ecmKey: ServiceKey<EcmCommand> = {
  name: 'ecm',
  accepts: (value): value is EcmCommand => isObject(value) && checks.get(value['type'])?.(value) === true,
};
