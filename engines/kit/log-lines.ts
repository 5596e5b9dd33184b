/** Lines of a task's log: those of the engine in Linkis' form, and a user's text cut into lines that a reader can rely on. */
import type {LogLevelName} from './task-context.ts';

const blockBytesMax = 1024 * 1024;

const two = (value: number): string => String(value).padStart(2, '0');

/** `yyyy-MM-dd HH:mm:ss.mmm LEVEL text` and a line feed; line breaks inside become blanks. `at`: epoch milliseconds. */
export function engineLine(at: number, level: LogLevelName, text: string): Buffer {
  const time = new Date(at);
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  const millis = String(time.getMilliseconds()).padStart(3, '0');
  return Buffer.from(`${date} ${clock}.${millis} ${level} ${text.replaceAll(/\r?\n/g, ' ')}\n`);
}

export type CutText = {
  /** Whole lines, each ending in a line feed, at most about 1 MiB or one line each. */
  readonly blocks: readonly Buffer[];
  /** Whether a line was longer than allowed and comes in pieces. */
  readonly hasLongLine: boolean;
};

/** A last line without a line feed gets one. Lines longer than `lineBytesMax` are cut between characters. */
export function cutLines(text: string, lineBytesMax: number): CutText {
  const bytes = Buffer.from(text.endsWith('\n') || text === '' ? text : `${text}\n`);
  const blocks: Buffer[] = [];
  let hasLongLine = false;
  for (let start = 0; start < bytes.length;) {
    const limit = start + Math.max(blockBytesMax, lineBytesMax + 1);
    const lastBreak = bytes.lastIndexOf(0x0a, Math.min(limit, bytes.length) - 1);
    const end = lastBreak < start ? bytes.indexOf(0x0a, start) + 1 : lastBreak + 1;
    const broken = brokenLines(bytes.subarray(start, end), lineBytesMax);
    hasLongLine ||= broken.length > 1;
    blocks.push(...broken);
    start = end;
  }
  return {blocks, hasLongLine};
}

/** The lines as they are, or, if one is too long, in pieces. */
function brokenLines(lines: Buffer, lineBytesMax: number): Buffer[] {
  if (lines.length <= lineBytesMax) return [lines];
  const blocks: Buffer[] = [];
  let from = 0;
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf(0x0a, start);
    if (end - start > lineBytesMax) {
      if (start > from) blocks.push(lines.subarray(from, start));
      blocks.push(...pieces(lines.subarray(start, end), lineBytesMax));
      from = end + 1;
    }
    start = end + 1;
  }
  if (from < lines.length) blocks.push(lines.subarray(from));
  return blocks;
}

function pieces(line: Buffer, lineBytesMax: number): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < line.length;) {
    let end = Math.min(line.length, at + lineBytesMax);
    // Bytes 10xxxxxx continue a character.
    while (end < line.length && end > at + 1 && ((line[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    found.push(Buffer.concat([line.subarray(at, end), lineFeed]));
    at = end;
  }
  return found;
}

const lineFeed = Buffer.from('\n');
