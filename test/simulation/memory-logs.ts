/** Log files in memory that outlive a node's death, and lose what a real disk would not: nothing. */
import type {LogStore} from '../../actors/ports.ts';

export type MemoryLogs = LogStore & {readonly texts: ReadonlyMap<string, string>};

/** `forgetsOffset` plants a fault: a new owner reads the spool from its start again. */
export function createMemoryLogs(forgetsOffset: boolean): MemoryLogs {
  const files = new Map<string, {text: string; lines: number; key: string; spoolOffset: number}>();
  const empty = (): {text: string; lines: number; key: string; spoolOffset: number} => ({
    text: '',
    lines: 0,
    key: '',
    spoolOffset: 0,
  });
  return {
    get texts() {
      return new Map([...files].map(([path, {text}]) => [path, text]));
    },
    async open(path, key) {
      const file = files.get(path) ?? empty();
      files.set(path, file);
      if (file.key !== key || forgetsOffset) Object.assign(file, {key, spoolOffset: 0});
      return {
        async append(lines, spoolOffset) {
          const text = Buffer.from(lines).toString();
          file.text += text;
          file.lines += text.split('\n').length - 1;
          file.spoolOffset = spoolOffset;
        },
        position: () => ({lines: file.lines, bytes: file.text.length, spoolOffset: file.spoolOffset}),
        async sync() {},
        async close() {},
      };
    },
    async read(path, fromLine, linesMax) {
      const lines = (files.get(path)?.text ?? '')
        .split('\n')
        .slice(0, -1)
        .slice(fromLine, fromLine + linesMax);
      return {fromLine, lineCount: lines.length, bytes: Buffer.from(lines.map(line => `${line}\n`).join(''))};
    },
    async position(path) {
      const {text, lines, spoolOffset} = files.get(path) ?? empty();
      return {lines, bytes: text.length, spoolOffset};
    },
  };
}
