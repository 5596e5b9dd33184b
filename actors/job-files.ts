/**
 * What jobs leave in files, as the facade reads it: result sets in Linkis' text format, and any file's bytes. Paths are
 * absolute and normalised. The implementation keeps every access inside the data directory's `logs/` and `results/`,
 * symbolic links included; whose a path is, is for the caller to know before.
 */
import {LinkisError} from './domain/errors.ts';

export type FileEntry = {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
};

/** Linkis' result types by their numbers. */
export const resultTypes = {text: 1, table: 2, io: 3, picture: 4, html: 5} as const;

export type ResultType = (typeof resultTypes)[keyof typeof resultTypes];

export type ResultColumn = {
  readonly name: string;
  /** Linkis' name of the type: `int`, `string`, `decimal`, … */
  readonly type: string;
  /** The text `NULL` where there is none. */
  readonly comment: string;
};

/** How cells without a value are shown; see `persistence/files/cell-text.ts`. */
export type NullValue =
  | {readonly type: 'keep'}
  | {readonly type: 'text'; readonly text: string}
  | {readonly type: 'default'};

export type ResultPageRequest = {
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
  readonly nullValue: NullValue;
  /** Columns left out, compared without case. */
  readonly maskedColumns: readonly string[];
  /** Pages columns, too: from 1. */
  readonly columnPage?: {readonly page: number; readonly size: number};
};

export type ResultPage = {
  readonly type: ResultType;
  /** Of a table its columns, those of the column page; of anything else one text. */
  readonly metadata: readonly ResultColumn[] | string;
  /** Rows of this page; a text's row is one line. Empty past the end. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** Of a table, before paging columns. */
  readonly columnCount: number;
};

export type TableExport = {
  readonly format: 'csv' | 'xlsx';
  readonly separator: string;
  /** Quotes every cell, not only those that need it. */
  readonly quotesAll: boolean;
  readonly keepsNewlines: boolean;
  readonly nullValue: string;
  /** Rows of each result set; 0 is all. */
  readonly rowsMax: number;
  readonly maskedColumns: readonly string[];
  readonly sheetName: string;
};

export type FileBytes = {readonly sizeBytes: number; readonly bytes: AsyncIterable<Uint8Array>};

export type JobFiles = {
  /** In numeric order (`_2` before `_10`); undefined when there is no such directory. */
  readonly list: (path: string) => Promise<readonly FileEntry[] | undefined>;
  /** Undefined when there is nothing. */
  readonly entry: (path: string) => Promise<FileEntry | undefined>;
  readonly resultPage: (path: string, request: ResultPageRequest) => Promise<ResultPage>;
  /** The result sets as one file: of a CSV one after the other, of xlsx a sheet each. Resolves when it can begin. */
  readonly exportTables: (
    paths: readonly string[],
    options: TableExport,
  ) => Promise<AsyncIterable<Uint8Array>>;
  readonly read: (path: string) => Promise<FileBytes>;
};

/** The path leads out of the data directory's logs and results, or through a link, or to what is no file. */
export class FileNotAllowedError extends LinkisError {
  override readonly name = 'FileNotAllowedError';
  readonly code = 80012;

  constructor(path: string) {
    super(
      `This user has no permission to read this file(该用户无权读取该文件)! ${path} is no log or result of a job.`,
    );
  }
}

export class FileMissingError extends LinkisError {
  override readonly name = 'FileMissingError';
  readonly code = 80105;

  constructor(path: string) {
    super(
      `There is no file ${path}. List the job's results first; what retention has removed does not come back.`,
    );
  }
}

/** A result set that was cut, or is none. */
export class ResultSetDamagedError extends LinkisError {
  override readonly name = 'ResultSetDamagedError';
  readonly code = 80106;

  constructor(path: string, offset: number, what: string) {
    super(`The result set ${path} can't be read: ${what} at byte ${offset}. Run the job again.`);
  }
}

/** More than one answer may hold. */
export class ResultPageTooLargeError extends LinkisError {
  override readonly name = 'ResultPageTooLargeError';
  readonly code = 80034;

  constructor(rows: number, bytesMax: number) {
    super(
      `${rows} rows of this result set take more than ${bytesMax} bytes. Ask for a smaller pageSize, or download it.`,
    );
  }
}

/** A download that no xlsx reader could open. */
export class WorkbookTooLargeError extends LinkisError {
  override readonly name = 'WorkbookTooLargeError';
  readonly code = 80107;

  constructor(what: string) {
    super(`An xlsx file can't hold this result: ${what}. Download it as csv.`);
  }
}
