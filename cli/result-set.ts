/** Result sets of a job, page by page, so that one of any size takes no memory. */
import {isRecord} from '../actors/domain/job-params.ts';
import {ConnectionError} from './command-error.ts';
import type {FacadeClient} from './facade-client.ts';

export type ResultColumn = {readonly columnName: string; readonly dataType: string; readonly comment: string};

/** Null is SQL's null. */
export type ResultRow = readonly (string | null)[];

export type ResultPage = {
  /** Undefined for text: each row is then one piece of text. */
  readonly columns: readonly ResultColumn[] | undefined;
  readonly rows: readonly ResultRow[];
};

const pageSize = 1000;
const tableType = '2';

/** Paths of a job's result files in the order they were made; empty if there are none. */
export async function listResultSets(client: FacadeClient, directory: string): Promise<readonly string[]> {
  if (directory === '') return [];
  const {dirFileTrees} = await client.ask('filesystem/getDirFileTrees', {query: {path: directory}});
  const children = isRecord(dirFileTrees) ? dirFileTrees['children'] : undefined;
  if (!Array.isArray(children)) return [];
  return children
    .flatMap((child: unknown) =>
      isRecord(child) && typeof child['path'] === 'string' ? [child['path']] : [],
    )
    .filter(path => path.endsWith('.dolphin'))
    .toSorted((one, other) => indexOf(one) - indexOf(other));
}

/** `_3.dolphin` is the fourth. */
const indexOf = (path: string): number => Number(/_(\d+)\.dolphin$/.exec(path)?.[1] ?? 0);

/** At least one page, which may be empty. */
export async function* readPages(client: FacadeClient, path: string): AsyncGenerator<ResultPage> {
  for (let page = 1; ; page += 1) {
    const query = {path, page, pageSize, nullValue: 'LINKIS_NULL'};
    // Pages come in order.
    // oxlint-disable-next-line no-await-in-loop
    const {type, metadata, fileContent} = await client.ask('filesystem/openFile', {query});
    if (!Array.isArray(fileContent)) throw new ConnectionError(`The node answered no rows for ${path}`);
    const rows = fileContent.map(readRow);
    if (page === 1 || rows.length > 0) {
      yield {
        columns: type === tableType && Array.isArray(metadata) ? metadata.map(readColumn) : undefined,
        rows,
      };
    }
    if (rows.length < pageSize) return;
  }
}

const readRow = (row: unknown): ResultRow => (Array.isArray(row) ? row : [row]).map(readCell);

function readCell(cell: unknown): string | null {
  if (cell === null || cell === undefined) return null;
  return typeof cell === 'string' ? cell : JSON.stringify(cell);
}

function readColumn(column: unknown): ResultColumn {
  const {columnName, dataType, comment} = isRecord(column) ? column : {};
  return {columnName: textOf(columnName), dataType: textOf(dataType), comment: textOf(comment)};
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
