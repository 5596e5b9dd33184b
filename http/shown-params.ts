/**
 * The parameters of a job as its readers see them: passwords masked. The row keeps them as they were sent, since what runs
 * is rebuilt from it.
 */
import {isSecretKey, maskedValue} from '../actors/configuration-secret.ts';
import {isRecord} from '../actors/domain/job-params.ts';

/** A URL that carries a password, as parameter or before the host. */
const secretInUrl = /((?:[?&;]|^)(?:password|passwd|pwd|secret|token)=)[^&;]*/gi;
const secretBeforeHost = /(:\/\/[^/?#\s:@]*:)[^?#\s]*(?=@)/g;

/** JSON in, JSON out. A text without anything to hide is returned as it is; one that is no JSON is not shown. */
export function shownParams(json: string): string {
  if (!isSecretKey(json) && !/:\/\/[^/\s"]*@/.test(json)) return json;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return '{}';
  }
  return JSON.stringify(shown(value, ''));
}

function shown(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value.map(item => shown(item, key));
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shown(item, name)]));
  }
  if (value === null || value === '') return value;
  if (isSecretKey(key)) return maskedValue;
  if (typeof value !== 'string' || (!value.includes('=') && !value.includes('@'))) return value;
  return value.replaceAll(secretInUrl, `$1${maskedValue}`).replaceAll(secretBeforeHost, `$1${maskedValue}`);
}
