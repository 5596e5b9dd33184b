/** The classes behind `migration-names.ts`, per dialect. A list, not a folder to search, so that it works in `dist/`. */
import type {Migration} from '@mikro-orm/migrations';
import type {EntityDialect} from '../entities/column-dialect.ts';
import {migrationNames, type MigrationName} from './migration-names.ts';
import {JobLogText as ServerJobLogText} from './server/job-log-text.ts';
import {SeedTables as ServerSeedTables} from './server/seed-tables.ts';
import {TenonTables as ServerTenonTables} from './server/tenon-tables.ts';
import {JobLogText as SqliteJobLogText} from './sqlite/job-log-text.ts';
import {SeedTables as SqliteSeedTables} from './sqlite/seed-tables.ts';
import {TenonTables as SqliteTenonTables} from './sqlite/tenon-tables.ts';

type MigrationClass = new (...parameters: ConstructorParameters<typeof Migration>) => Migration;

const classes: Readonly<Record<EntityDialect, Readonly<Record<MigrationName, MigrationClass>>>> = {
  sqlite: {
    '0001-seed-tables': SqliteSeedTables,
    '0002-tenon-tables': SqliteTenonTables,
    '0003-job-log-text': SqliteJobLogText,
  },
  server: {
    '0001-seed-tables': ServerSeedTables,
    '0002-tenon-tables': ServerTenonTables,
    '0003-job-log-text': ServerJobLogText,
  },
};

export const migrationList = (dialect: EntityDialect): {name: string; class: MigrationClass}[] =>
  migrationNames.map(name => ({name, class: classes[dialect][name]}));
