/**
 * The parts of a column that differ between the embedded database and the servers, so that each entity is written once.
 * SQLite has no collations of ours (its default compares bytes) and no lengths; its times are integer milliseconds.
 */
import {p} from '@mikro-orm/core';

export type EntityDialect = 'sqlite' | 'server';

export type ColumnDialect = {
  /** The column default "now", to the second. */
  readonly now: string;
  /** The same to the millisecond. */
  readonly nowMs: string;
  /** Digits behind the second, of a column that has milliseconds. */
  readonly msDigits: 0 | 3;
  /** The seeds' `utf8_bin`, under the name that both servers report for it. */
  readonly seedCollation: {collation?: string};
  readonly binaryCollation: {collation?: string};
  readonly longText: string;
};

// Text from strftime would put two types into one column, and order and ranges would break.
const sqliteNow = "(cast(unixepoch('subsec') * 1000 as integer))";

const dialects: Readonly<Record<EntityDialect, ColumnDialect>> = {
  sqlite: {
    now: sqliteNow,
    nowMs: sqliteNow,
    msDigits: 0,
    seedCollation: {},
    binaryCollation: {},
    longText: 'text',
  },
  server: {
    now: 'current_timestamp',
    nowMs: 'current_timestamp(3)',
    msDigits: 3,
    seedCollation: {collation: 'utf8mb3_bin'},
    binaryCollation: {collation: 'utf8mb4_bin'},
    longText: 'longtext',
  },
};

export const columnDialect = (dialect: EntityDialect): ColumnDialect => dialects[dialect];

/** In SQLite only `integer`, which has 64 bits, makes a key the row's own number, with which every index ends. */
export const longKey = (dialect: EntityDialect) => (dialect === 'sqlite' ? p.integer() : p.bigint('number'));

/** `tinyint(1)`, nullable, in Linkis' tables: 0 or 1, and in one column a small number. */
export const flagColumn = (dialect: EntityDialect) => ({
  type: 'integer' as const,
  columnType: dialect === 'sqlite' ? 'integer' : 'tinyint(1)',
  nullable: true,
});

/** Linkis gives indexes of several tables one name; in SQLite a name stands for one index of the whole file. */
export const indexName = (dialect: EntityDialect, name: string, suffix: string): string =>
  dialect === 'sqlite' ? `${name}_${suffix}` : name;
