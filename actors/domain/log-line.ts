/**
 * Sorts log text into Linkis' four levels, as `entrance/{id}/log` and the socket answer it (contract 7.1, running
 * job): a line belongs to the level that its `date time LEVEL` names, anywhere in it, and to info if it names none.
 */
export type LogLevel = 'error' | 'warn' | 'info';

/** Error, warn, info, all: the order of Linkis' log array. */
export type LogLevels = [error: string, warn: string, info: string, all: string];

/** The milliseconds may be missing. `SYSTEM-` marks lines of the platform; they count like any other. */
const levelMark =
  /\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{3})? (?:SYSTEM-)?(?<level>ERROR|WARN|INFO)(?:\s|$)/;

const levels: ReadonlyMap<string, LogLevel> = new Map([
  ['ERROR', 'error'],
  ['WARN', 'warn'],
  ['INFO', 'info'],
]);

/** The level a line names; undefined for a line that is the job's own output. */
export const namedLevel = (line: string): LogLevel | undefined =>
  levels.get(levelMark.exec(line)?.groups?.['level'] ?? '');

/** Blank lines are left out, and no level ends in a newline: Linkis' clients print what they get with one of their own. */
export function splitLevels(text: string): LogLevels {
  const sorted: Record<LogLevel | 'all', string[]> = {error: [], warn: [], info: [], all: []};
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    sorted[namedLevel(line) ?? 'info'].push(line);
    sorted.all.push(line);
  }
  return [sorted.error.join('\n'), sorted.warn.join('\n'), sorted.info.join('\n'), sorted.all.join('\n')];
}
