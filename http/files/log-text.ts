/**
 * A job's log as `openLog` answers it (contract 7.1): four texts, error, warn, info and all, every line ended. Written
 * level by level, each in a pass of its own over the log, so that memory stays constant whatever the log's size.
 */
import type {Governance} from '../../actors/governance.ts';

export const logLevels = ['error', 'warn', 'info', 'all'] as const;

export type OpenLogLevel = (typeof logLevels)[number];

type NamedLevel = Exclude<OpenLogLevel, 'all'>;

const readBytesMax = 256 * 1024;

/** A line that names its level. `SYSTEM-` lines do not count as such here, unlike in `entrance/{id}/log`. */
const namedLine = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3}\s*(?<level>ERROR|WARN|INFO)/gm;
const named: Readonly<Record<string, NamedLevel>> = {ERROR: 'error', WARN: 'warn', INFO: 'info'};

/** The lines of one level, out of a log that is given in pieces. A line that names none belongs with the one before. */
export class LevelFilter {
  readonly #level: OpenLogLevel;
  #current: NamedLevel = 'info';

  constructor(level: OpenLogLevel) {
    this.#level = level;
  }

  /** `text` is whole lines. */
  take(text: string): string {
    if (this.#level === 'all') return text;
    let taken = '';
    let start = 0;
    for (const match of text.matchAll(namedLine)) {
      if (this.#current === this.#level) taken += text.slice(start, match.index);
      start = match.index;
      this.#current = named[match.groups?.['level'] ?? ''] ?? this.#current;
    }
    return this.#current === this.#level ? taken + text.slice(start) : taken;
  }
}

export type OpenedLog = {
  readonly governance: Pick<Governance, 'readLog'>;
  readonly taskID: number;
  /** Lines as of the opening: what comes later is left out, so that all passes see the same. */
  readonly lines: number;
  /** The log is not there any more, and why. */
  readonly whyGone?: string;
};

/** The log's text in pieces of whole lines. */
export async function* logText({governance, taskID, lines}: OpenedLog): AsyncGenerator<string> {
  for (let line = 0; line < lines;) {
    // One piece after the other is the point.
    // oxlint-disable-next-line no-await-in-loop
    const chunk = await governance.readLog(taskID, line, lines - line, readBytesMax);
    if (chunk === undefined || chunk.fromLine + chunk.lineCount <= line) return;
    const {whyGone = 'They are no longer kept.'} = chunk;
    // A log that is gone as a whole is told of by who opened it.
    const isGap = chunk.fromLine > line && (line > 0 || chunk.lineCount > 0);
    if (isGap) yield `Lines ${line + 1} to ${chunk.fromLine} are missing. ${whyGone}\n`;
    const {buffer, byteOffset, byteLength} = chunk.bytes;
    yield Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
    line = chunk.fromLine + chunk.lineCount;
  }
}

/** The four texts as JSON, `["…","…","…","…"]`; those not asked for are empty. */
export async function* logLevelsJson(
  log: OpenedLog,
  isAsked: (level: OpenLogLevel) => boolean,
): AsyncGenerator<string> {
  for (const [index, level] of logLevels.entries()) {
    yield index === 0 ? '["' : ',"';
    if (isAsked(level)) yield* levelJson(log, level);
    yield '"';
  }
  yield ']';
}

async function* levelJson(log: OpenedLog, level: OpenLogLevel): AsyncGenerator<string> {
  const filter = new LevelFilter(level);
  let isBlank = true;
  for await (const text of logText(log)) {
    const taken = filter.take(text);
    isBlank &&= taken.trim() === '';
    if (taken !== '') yield escapeJson(taken);
  }
  // `linkis-cli` takes a log without text for one that is not there yet, and asks again for a minute.
  if (isBlank && level === 'all')
    yield escapeJson(`${log.whyGone ?? 'There is no log of this job, or no more.'}\n`);
}

/** What stands between the quotes of a JSON text. */
export const escapeJson = (text: string): string => JSON.stringify(text).slice(1, -1);
