/** Reads an `execute` request: what is wrong with it is told, not guessed. */
import type {TaskSpec} from './engine-task.ts';
import {OwnerRefusal} from './owner-handshake.ts';

type Request = Readonly<Record<string, unknown>>;

/** Throws `OwnerRefusal` badTask. */
export function taskSpecOf(request: Request): TaskSpec {
  const {code, codeType, runningTimeoutMs} = request;
  if (typeof code !== 'string' || typeof codeType !== 'string') {
    throw new OwnerRefusal('badTask', 'code and codeType must be texts.');
  }
  const timeoutIsGood = runningTimeoutMs === undefined || runningTimeoutMs === null;
  if (!timeoutIsGood && !(typeof runningTimeoutMs === 'number' && runningTimeoutMs > 0)) {
    throw new OwnerRefusal('badTask', 'runningTimeoutMs must be a positive number.');
  }
  const spec = {
    taskID: idIn(request, 'taskID'),
    attempt: idIn(request, 'attempt'),
    epoch: idIn(request, 'epoch'),
    code,
    codeType,
    runtimeParams: objectIn(request, 'runtimeParams'),
    environment: variablesOf(objectIn(request, 'environment')),
  };
  return typeof runningTimeoutMs === 'number' ? {...spec, runningTimeoutMs} : spec;
}

/** Of `kill` and `shutdown`. Throws `OwnerRefusal` badRequest. */
export function graceMsOf({graceMs}: Request): number {
  if (typeof graceMs === 'number' && graceMs >= 0) return graceMs;
  throw new OwnerRefusal('badRequest', 'graceMs must be a number of milliseconds.');
}

export const isWholeNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function idIn(request: Request, name: string): number {
  const value = request[name];
  if (isWholeNumber(value)) return value;
  throw new OwnerRefusal('badTask', 'taskID, attempt and epoch must be whole numbers from 0.');
}

function objectIn(request: Request, name: string): Readonly<Record<string, unknown>> {
  const value = request[name] ?? {};
  if (typeof value === 'object' && !Array.isArray(value)) return {...value};
  throw new OwnerRefusal('badTask', 'environment and runtimeParams must be objects.');
}

function variablesOf(values: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== 'string' || name === '' || /[=\0]/.test(name) || value.includes('\0')) {
      throw new OwnerRefusal(
        'badTask',
        `environment variable ${JSON.stringify(name)} is not a name with a text.`,
      );
    }
    variables[name] = value;
  }
  return variables;
}
