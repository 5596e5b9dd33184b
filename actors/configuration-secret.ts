/**
 * Which values are secrets, by the names of their keys, and how they look to people: answers, logs and the audit never hold
 * one. The one list for settings, parameters of jobs and what is audited.
 */
export const maskedValue = '******';

const secretWords =
  /passw|passphrase|pwd|secret|credential|authoriz|cookie|(?:private|access|api)[._-]?key|^tokens$|token(?!s$|.?id$)/i;

export const isSecretKey = (key: string): boolean => secretWords.test(key);

/** Blank stays blank: people may see that nothing is set. */
export const shownValue = (key: string, value: string): string =>
  value !== '' && isSecretKey(key) ? maskedValue : value;
