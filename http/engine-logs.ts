/**
 * Logs of engines: what they and their jobs' processes wrote to their streams. One's own, and for administrators all. What
 * is read is the engine that was checked, on the host that has it, whatever else the request names.
 */
import type {EngineGovernance, EngineLogPage, EngineLogRequest} from '../actors/engine-governance.ts';
import type {Caller} from '../actors/governance.ts';
import type {Audit} from './audit.ts';
import type {EngineAccess} from './engine-access.ts';
import {EngineLogTooLargeError, EngineNotFoundError, ManagerError} from './manager-errors.ts';

export const engineLogTypes = ['stdout', 'stderr', 'gc', 'yarnApp', 'udfLog'] as const;
export const logPageSizeMax = 5000;
const keywordsMax = 20;
const keywordCharsMax = 200;
const downloadBytesMax = 100 * 1024 * 1024;
/** One name, and none that means a directory further up. */
const directoryForm = /^(?!\.+$)[A-Za-z0-9._-]{1,128}$/;

/** The names that a request has for an engine; the first that is not blank decides. */
export type EngineNames = {
  readonly ticketId?: string | null | undefined;
  readonly logDirSuffix?: string | null | undefined;
  readonly instance?: string | null | undefined;
  /** Asked only by administrators about an engine that left no record. */
  readonly ecm?: string | null | undefined;
};

export type EngineLogs = {
  /**
   * Rejects with `EngineNotFoundError` for an engine that the caller may not read, and with `ManagerError` when its host has
   * nothing of it left.
   */
  readonly page: (names: EngineNames, request: EngineLogRequest, caller: Caller) => Promise<EngineLogPage>;
  /** The whole log, line by line as text. Rejects before anything is given, or cuts what has become too large. */
  readonly whole: (
    names: EngineNames,
    logType: EngineLogRequest['logType'],
    caller: Caller,
  ) => Promise<AsyncIterable<string>>;
};

type Dependencies = {
  readonly engines: EngineGovernance;
  readonly access: EngineAccess;
  readonly audit: Audit;
};

type Place = {readonly ecm: string; readonly engineId: string};

export function createEngineLogs({engines, access, audit}: Dependencies): EngineLogs {
  async function placeOf(names: EngineNames, caller: Caller): Promise<Place> {
    const {ticketId, logDirSuffix, instance, ecm} = names;
    const found = await access.find(caller, ticketId, directoryOf(logDirSuffix), instance);
    if (found.type === 'live') {
      const {engineId, ecm: host, user} = found.engine;
      return noted({ecm: host, engineId}, user, caller);
    }
    if (found.type === 'recorded') {
      const {ticketId: engineId, ecm: host, user} = found.record;
      return noted({ecm: host, engineId}, user, caller);
    }
    const engineId = firstOf(ticketId, directoryOf(logDirSuffix));
    const host = firstOf(ecm);
    if (caller.isAdmin && host !== '' && directoryForm.test(engineId)) {
      return noted({ecm: host, engineId}, '', caller);
    }
    throw new EngineNotFoundError(firstOf(ticketId, logDirSuffix, instance) || '(none was named)');
  }

  function noted(place: Place, owner: string, caller: Caller): Place {
    if (owner !== caller.user) {
      audit.note('readAsAdministrator', caller, {target: `engine:${place.engineId}`, owner, what: 'log'});
    }
    return place;
  }

  async function read({ecm, engineId}: Place, request: EngineLogRequest): Promise<EngineLogPage> {
    const page = await engines.engineLog(ecm, engineId, request);
    if (page === undefined) {
      throw new ManagerError(
        `ECM node :[${ecm}]  does not exist, Unable to open engine log(ECM节点:[${ecm}] 异常，无法打开日志，` +
          '可能是该节点服务重启或者服务异常导致)',
      );
    }
    return page;
  }

  return {
    page: async (names, request, caller) => read(await placeOf(names, caller), request),
    async whole(names, logType, caller) {
      const place = await placeOf(names, caller);
      const pageFrom = (fromLine: number): Promise<EngineLogPage> =>
        read(place, {logType, fromLine, pageSize: logPageSizeMax, lastRows: 0, enableTail: false});
      const first = await pageFrom(1);
      return pagesFrom(first, pageFrom);
    },
  };
}

async function* pagesFrom(
  first: EngineLogPage,
  pageFrom: (fromLine: number) => Promise<EngineLogPage>,
): AsyncGenerator<string> {
  let page = first;
  let bytes = 0;
  for (;;) {
    const text = page.logs.map(line => `${line}\n`).join('');
    bytes += Buffer.byteLength(text);
    // The head of the answer has gone out: the connection is cut, so that nobody takes a part for the whole.
    if (bytes > downloadBytesMax) throw new EngineLogTooLargeError(downloadBytesMax);
    if (text !== '') yield text;
    if (page.logs.length < logPageSizeMax) return;
    // Each page begins where the one before it ended.
    // oxlint-disable-next-line no-await-in-loop
    page = await pageFrom(page.endLine + 1);
  }
}

const firstOf = (...names: readonly (string | null | undefined)[]): string =>
  names.map(name => name?.trim() ?? '').find(name => name !== '') ?? '';

/** Linkis' suffix is a path; the last part of it names the engine. */
function directoryOf(suffix: string | null | undefined): string | undefined {
  const last = suffix
    ?.trim()
    .split('/')
    .findLast(part => part !== '');
  return last !== undefined && directoryForm.test(last) ? last : undefined;
}

/** The parameters of a request for a page, as clients send them: numbers also as text. Throws `ManagerError`. */
export function readLogRequest(
  parameters: Readonly<Record<string, unknown>>,
  enableTailDefault: boolean,
): EngineLogRequest {
  const logType = engineLogTypes.find(known => known === parameters['logType']);
  if (logType === undefined) {
    throw new ManagerError(
      `logType must be one of ${engineLogTypes.join(', ')}, not ${printParameter(parameters['logType'])}`,
    );
  }
  const {ignoreKeywords, onlyKeywords} = parameters;
  const tail = parameters['enableTail'];
  return {
    logType,
    fromLine: Math.max(1, numberOf(parameters, 'fromLine', 1, Number.MAX_SAFE_INTEGER)),
    pageSize: Math.max(1, numberOf(parameters, 'pageSize', 100, logPageSizeMax)),
    lastRows: numberOf(parameters, 'lastRows', 0, logPageSizeMax),
    enableTail: tail === undefined || tail === null ? enableTailDefault : tail === true || tail === 'true',
    ...keywords('ignoreKeywords', ignoreKeywords),
    ...keywords('onlyKeywords', onlyKeywords),
  };
}

function numberOf(
  parameters: Readonly<Record<string, unknown>>,
  key: string,
  initial: number,
  max: number,
): number {
  const value = parameters[key];
  if (value === undefined || value === null || value === '') return initial;
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
    throw new ManagerError(`${key} must be a whole number, not ${printParameter(value)}`);
  }
  return Math.min(number, max);
}

/** A list, or a text with commas. */
function keywords(
  key: 'ignoreKeywords' | 'onlyKeywords',
  given: unknown,
): Readonly<Record<string, readonly string[]>> {
  const list: readonly unknown[] =
    typeof given === 'string' ? given.split(',') : Array.isArray(given) ? given : [];
  const words = list
    .filter(word => typeof word === 'string')
    .map(word => word.trim())
    .filter(word => word !== '');
  if (words.length > keywordsMax || words.some(word => word.length > keywordCharsMax)) {
    throw new ManagerError(`${key} holds at most ${keywordsMax} words of ${keywordCharsMax} characters.`);
  }
  return words.length === 0 ? {} : {[key]: words};
}

const printParameter = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 100);
