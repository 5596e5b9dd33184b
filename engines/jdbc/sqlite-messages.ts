/** What the engine and its SQLite process say to each other, over Node's channel between parent and child. */
import type {CellValue, ColumnDefinition} from '../kit/task-context.ts';

/** One query at a time. After each `rows` the process waits for `more`, so that it is never far ahead. */
export type SqliteRequest =
  | {readonly type: 'open'; readonly file: string}
  | {readonly type: 'query'; readonly sql: string}
  | {readonly type: 'more'}
  | {readonly type: 'stop'}
  | {readonly type: 'rollback'};

export type SqliteReply =
  | {readonly type: 'opened'}
  /** With the first rows; none: there are none. */
  | {
      readonly type: 'columns';
      readonly columns: readonly ColumnDefinition[];
      readonly rows: readonly (readonly CellValue[])[];
    }
  | {readonly type: 'rows'; readonly rows: readonly (readonly CellValue[])[]}
  /** `affected` undefined: rows were read, or nothing can be counted. */
  | {readonly type: 'done'; readonly affected: number | undefined}
  | {readonly type: 'rolledBack'; readonly wasOpen: boolean}
  | {readonly type: 'failed'; readonly message: string};
