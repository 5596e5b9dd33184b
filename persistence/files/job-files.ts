/** `JobFiles` over the data directory: pages and downloads of result sets, read as they are sent. */
import type {FileHandle} from 'node:fs/promises';
import {stringify} from 'csv-stringify/sync';
import {
  FileMissingError,
  ResultPageTooLargeError,
  type JobFiles,
  type NullValue,
  type ResultColumn,
  type ResultPage,
  type ResultPageRequest,
  type TableExport,
} from '../../actors/job-files.ts';
import {cellText} from './cell-text.ts';
import {closingBytes} from './closing-bytes.ts';
import {readAt} from './file-io.ts';
import {JobArea} from './job-area.ts';
import {decodeRow, readHead, RecordReader, type ResultSetHead} from './result-set.ts';
import {RowPlaces} from './row-places.ts';
import {workbook, type WorkbookSheet} from './workbook.ts';

export type JobFilesOptions = {
  /** The data directory, absolute. */
  readonly directory: string;
  /** Further ones whose jobs this node may have taken over. Default: none. */
  readonly neighbours?: () => readonly string[];
  /** Stored bytes that the rows of one page may take. */
  readonly pageBytesMax?: number;
};

const rowsPerBatch = 500;
const blockBytes = 256 * 1024;
const batchBytesMax = 1024 * 1024;
const numericTypes = new Set(['short', 'int', 'long', 'bigint', 'float', 'double', 'decimal', 'bigdecimal']);

type OpenTable = {readonly file: FileHandle; readonly head: ResultSetHead; readonly path: string};

/** See `JobFiles`. Rejects with the errors that are listed there. */
export function createJobFiles(options: JobFilesOptions): JobFiles {
  const {directory, neighbours = () => [], pageBytesMax = 64 * 1024 * 1024} = options;
  const area = new JobArea(() => [directory, ...neighbours()]);
  const places = new RowPlaces();

  async function openTable(path: string): Promise<OpenTable> {
    const file = await area.open(path);
    try {
      return {file, path, head: await readHead(file.fd, path)};
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async function readPage({file, head, path}: OpenTable, request: ResultPageRequest): Promise<ResultPage> {
    const {page, pageSize} = request;
    const known = places.of(path, await file.stat());
    const first = (page - 1) * pageSize;
    const from = known.before(first) ?? {row: 0, offset: head.start};
    const reader = new RecordReader(file.fd, path, from.offset);
    const isPastEnd = (await reader.skip(first - from.row)) < first - from.row;
    const records = isPastEnd ? [] : await reader.read(pageSize, pageBytesMax);
    if (records.length < pageSize && (await reader.read(1, 1)).length > 0) {
      throw new ResultPageTooLargeError(pageSize, pageBytesMax);
    }
    if (records.length === pageSize) known.note(first + pageSize, reader.position);
    return present(head, records, path, request);
  }

  return {
    list: async path => area.list(path),
    entry: async path => area.entry(path),
    async resultPage(path, request) {
      const table = await openTable(path);
      try {
        return await readPage(table, request);
      } finally {
        await table.file.close();
      }
    },
    async exportTables(paths, options) {
      const tables: OpenTable[] = [];
      try {
        for (const path of paths) tables.push(await openTable(path));
        if (tables.length === 0) throw new FileMissingError('of a result set');
        const pieces =
          options.format === 'csv' ? csv(tables, options) : workbook(tables.map(sheetOf(options)));
        return closingBytes(pieces, async () => closeAll(tables));
      } catch (error) {
        await closeAll(tables);
        throw error;
      }
    },
    async read(path) {
      const file = await area.open(path);
      const {size: sizeBytes} = await file.stat();
      return {sizeBytes, bytes: closingBytes(blocks(file, sizeBytes), async () => file.close())};
    },
  };
}

/** What is appended meanwhile is left out: the size was announced. */
async function* blocks(file: FileHandle, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < sizeBytes;) {
    const block = await readAt(file.fd, at, Math.min(blockBytes, sizeBytes - at));
    if (block.length === 0) return;
    at += block.length;
    yield block;
  }
}

function present(
  {type, metadata}: ResultSetHead,
  records: readonly Buffer[],
  path: string,
  {nullValue, maskedColumns, columnPage}: ResultPageRequest,
): ResultPage {
  if (typeof metadata === 'string') {
    return {type, metadata, rows: records.map(record => [record.toString('utf8')]), columnCount: 0};
  }
  const shown = unmasked(metadata, maskedColumns);
  const start = columnPage === undefined ? 0 : (columnPage.page - 1) * columnPage.size;
  const picked = shown.slice(start, columnPage === undefined ? undefined : start + columnPage.size);
  return {
    type,
    metadata: picked.map(({column}) => column),
    rows: records.map(record => pick(decodeRow(record, path), picked, nullValue)),
    columnCount: shown.length,
  };
}

type ShownColumn = {readonly column: ResultColumn; readonly index: number};

function unmasked(columns: readonly ResultColumn[], masked: readonly string[]): ShownColumn[] {
  const hidden = new Set(masked.map(name => name.toLowerCase()));
  return columns
    .map((column, index) => ({column, index}))
    .filter(({column}) => !hidden.has(column.name.toLowerCase()));
}

const pick = (
  row: readonly (string | null)[],
  columns: readonly ShownColumn[],
  nullValue: NullValue,
): (string | null)[] =>
  // A row shorter than the head is filled with nulls, as Linkis' readers do.
  columns.map(({column, index}) => cellText(row[index] ?? null, column.type, nullValue));

/** Rows as texts, a batch at a time. */
async function* textRows(
  {file, head, path}: OpenTable,
  {nullValue, rowsMax, maskedColumns, keepsNewlines}: TableExport,
): AsyncGenerator<string[][]> {
  const columns = typeof head.metadata === 'string' ? undefined : unmasked(head.metadata, maskedColumns);
  const nulls: NullValue = {type: 'text', text: nullValue};
  const reader = new RecordReader(file.fd, path, head.start);
  let left = rowsMax === 0 ? Infinity : rowsMax;
  while (left > 0) {
    const records = await reader.read(Math.min(left, rowsPerBatch), batchBytesMax);
    if (records.length === 0) return;
    left -= records.length;
    yield records.map(record => {
      const row =
        columns === undefined ? [record.toString('utf8')] : pick(decodeRow(record, path), columns, nulls);
      return row.map(cell => (keepsNewlines ? (cell ?? '') : (cell ?? '').replace(/\r\n|[\r\n]/g, ' ')));
    });
  }
}

const headOf = ({head}: OpenTable, {maskedColumns}: TableExport): string[] | undefined =>
  typeof head.metadata === 'string'
    ? undefined
    : unmasked(head.metadata, maskedColumns).map(({column}) => column.name);

async function* csv(tables: readonly OpenTable[], options: TableExport): AsyncGenerator<Buffer> {
  const print = (rows: readonly (readonly string[])[]): Buffer =>
    Buffer.from(
      stringify([...rows], {
        delimiter: options.separator,
        quoted: options.quotesAll,
        quoted_empty: options.quotesAll,
      }),
    );
  for (const table of tables) {
    const head = headOf(table, options);
    if (head !== undefined) yield print([head]);
    for await (const rows of textRows(table, options)) yield print(rows);
  }
}

const sheetOf =
  (options: TableExport) =>
  (table: OpenTable, index: number, all: readonly OpenTable[]): WorkbookSheet => {
    const {metadata} = table.head;
    return {
      name: all.length === 1 ? options.sheetName : `${options.sheetName}_${index}`,
      head: headOf(table, options),
      isNumeric:
        typeof metadata === 'string'
          ? [false]
          : unmasked(metadata, options.maskedColumns).map(({column}) => numericTypes.has(column.type)),
      rows: textRows(table, options),
    };
  };

const closeAll = async (tables: readonly OpenTable[]): Promise<void> => {
  await Promise.all(tables.map(async ({file}) => file.close()));
};
