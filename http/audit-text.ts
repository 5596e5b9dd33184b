/**
 * Values as the audit keeps them: JSON texts of bounded length in which nothing stands that opens a door. What a key calls a
 * secret is hidden, however deep it lies; so is the value of a setting whose name says that it is one.
 */
import {isSecretKey} from '../actors/configuration-secret.ts';

const hidden = '(hidden)';

/** A setting is written as a pair of these. */
const nameKeys = ['key', 'name', 'configKey'];
const valueKeys = new Set(['value', 'configValue', 'defaultValue', 'config_value']);

const limits = {depth: 6, members: 100, textChars: 2000, chars: 8000};

/** A copy without secrets, cut where it is too deep, too long or too wide. */
export function withoutSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') {
    return value.length > limits.textChars ? `${value.slice(0, limits.textChars)}…` : value;
  }
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= limits.depth) return '…';
  if (Array.isArray(value)) {
    return value.slice(0, limits.members).map(member => withoutSecrets(member, depth + 1));
  }
  const entries = Object.entries(value).slice(0, limits.members);
  const namesSecret = entries.some(
    ([key, text]) => nameKeys.includes(key) && typeof text === 'string' && isSecretKey(text),
  );
  return Object.fromEntries(
    entries.map(([key, member]) => [
      key,
      isSecretKey(key) || (namesSecret && valueKeys.has(key)) ? hidden : withoutSecrets(member, depth + 1),
    ]),
  );
}

/** JSON of a value; empty for nothing. */
export function printAudited(value: unknown): string {
  if (value === undefined) return '';
  const text = JSON.stringify(withoutSecrets(value)) ?? '';
  if (text === '{}') return '';
  return text.length <= limits.chars
    ? text
    : JSON.stringify({chars: text.length, begin: text.slice(0, limits.chars / 2)});
}
