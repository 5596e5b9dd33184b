/** Times as MySQL and MariaDB write them, `2026-01-31 12:34:56.789`. Our sessions set their time zone to UTC. */
export const printTime = (ms: number): string =>
  new Date(ms).toISOString().replace('T', ' ').replace('Z', '');

/** NaN if it is none, such as the zero date. */
export const parseTime = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`);
