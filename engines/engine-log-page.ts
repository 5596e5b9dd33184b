/** Which lines of a log a request wants. Works on chunks of whole lines; only lines that are shown become texts. Pure. */
import type {EngineLogRequest} from '../actors/engine-governance.ts';

/** As Linkis' `lastRows`. */
export const rowsMax = 5000;
const lineCharactersMax = 16 * 1024;
/** Of all lines of an answer, which has to pass between nodes. */
const charactersMax = 1024 * 1024;

const lineFeed = 10;

export type LineChoice = {
  /** Takes whole lines, each ending in a line feed but maybe the last; true when it needs no more. */
  readonly push: (lines: Buffer) => boolean;
  readonly page: () => {readonly logs: readonly string[]; readonly endLine: number; readonly rows: number};
};

type Wanted = Pick<EngineLogRequest, 'fromLine' | 'pageSize' | 'ignoreKeywords' | 'onlyKeywords'>;

/** From line `fromLine` on, in the order of the log. */
export function firstLines(request: Wanted): LineChoice {
  const {fromLine} = request;
  const kept = collector(request, request.pageSize);
  let scanned = 0;
  return {
    push(lines) {
      for (let start = 0; start < lines.length && !kept.isFull();) {
        const found = lines.indexOf(lineFeed, start);
        const end = found === -1 ? lines.length : found;
        scanned += 1;
        if (scanned >= fromLine) kept.add(lines, start, end);
        start = end + 1;
      }
      return kept.isFull();
    },
    page: () => ({logs: kept.lines, endLine: scanned, rows: kept.lines.length}),
  };
}

/** The last ones of `lines`, without the `fromLine - 1` after them; in the order of the log. */
export function lastLines(
  request: Wanted & {readonly lastRows: number},
  lines: Buffer,
): ReturnType<LineChoice['page']> {
  const {lastRows, pageSize} = request;
  const fromLine = lastRows > 0 ? 1 : request.fromLine;
  const kept = collector(request, lastRows > 0 ? lastRows : pageSize);
  let scanned = 0;
  let end = lines.at(-1) === lineFeed ? lines.length - 1 : lines.length;
  while (end >= 0 && lines.length > 0 && !kept.isFull()) {
    const start = end === 0 ? 0 : lines.lastIndexOf(lineFeed, end - 1) + 1;
    scanned += 1;
    if (scanned >= fromLine) kept.add(lines, start, end);
    end = start - 1;
  }
  return {logs: kept.lines.toReversed(), endLine: scanned, rows: kept.lines.length};
}

function collector({ignoreKeywords = [], onlyKeywords = []}: Wanted, wantedRows: number) {
  const rows = Math.min(rowsMax, wantedRows);
  const lines: string[] = [];
  let characters = 0;
  return {
    lines,
    isFull: (): boolean => lines.length >= rows || characters >= charactersMax,
    add(bytes: Buffer, start: number, end: number): void {
      const line = bytes.toString('utf8', start, end);
      if (ignoreKeywords.some(word => line.includes(word))) return;
      if (onlyKeywords.length > 0 && !onlyKeywords.some(word => line.includes(word))) return;
      const shown = line.length > lineCharactersMax ? `${line.slice(0, lineCharactersMax)}…` : line;
      lines.push(shown);
      characters += shown.length;
    },
  };
}
