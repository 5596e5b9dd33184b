/** Which values are secrets, and how they look to people: answers, logs and the audit never hold one. */
export const maskedValue = '******';

const secretWords = /pass(?:word|wd|phrase)|secret|credential|private\.?key|access\.?key|api\.?key/i;

export const isSecretKey = (key: string): boolean => secretWords.test(key);

/** Blank stays blank: people may see that nothing is set. */
export const shownValue = (key: string, value: string): string =>
  value !== '' && isSecretKey(key) ? maskedValue : value;
