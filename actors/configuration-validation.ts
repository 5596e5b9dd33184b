/** Whether a value may be one of its key's, by the key's own rule (Linkis: `ValidatorManager`). */
import {ConfigurationError, type ConfigKey} from './configuration.ts';
import {isSecretKey, maskedValue} from './configuration-secret.ts';

/** Throws `ConfigurationError` with Linkis' text, in which a secret is masked. */
export function assertValid(key: ConfigKey, value: string): void {
  if (isValid(key.validateType, key.validateRange, value)) return;
  const shown = isSecretKey(key.key) ? maskedValue : value;
  throw new ConfigurationError(
    `Parameter verification failed(参数校验失败):${key.key}--${key.validateType}--${key.validateRange}--${shown}`,
  );
}

/** Throws `ConfigurationError` for a rule that makes no sense. */
export function isValid(type: string, range: string, value: string): boolean {
  switch (type.toLowerCase()) {
    case '':
    case 'none':
      return true;
    case 'numinterval': {
      const number = /^[+-]?\d{1,10}$/.test(value) ? Number(value) : NaN;
      return isWithin(range, number);
    }
    case 'floatinterval': {
      const number = /^[+-]?\d{1,15}(?:\.\d{1,15})?$/.test(value) ? Number(value) : NaN;
      return isWithin(range, number);
    }
    case 'regex':
      return patternOf(range).test(value);
    case 'oft':
      return listOf(range).includes(value);
    case 'contains':
      return value.split(',').every(part => listOf(range).includes(part.trim()));
    case 'json':
      return isJson(value);
    default:
      throw new ConfigurationError(rangeText);
  }
}

const rangeText = 'Error validator range！(错误验证器范围！)';

function isWithin(range: string, number: number): boolean {
  const ends = listOf(range).map(Number);
  if (ends.length !== 2 || ends.some(Number.isNaN)) throw new ConfigurationError(rangeText);
  return number >= Math.min(...ends) && number <= Math.max(...ends);
}

/** The whole value has to match, as in Java. */
function patternOf(range: string): RegExp {
  try {
    return new RegExp(`^(?:${range})$`);
  } catch {
    throw new ConfigurationError(rangeText);
  }
}

function listOf(range: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(range);
    if (Array.isArray(list)) return list.map(String);
  } catch {
    // Told below: no JSON, or no list.
  }
  throw new ConfigurationError(rangeText);
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}
