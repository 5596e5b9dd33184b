/** The classes behind `migration-names.ts`, per dialect. A list, not a folder to search, so that it works in `dist/`. */
import type {Migration} from '@mikro-orm/migrations';
import type {EntityDialect} from '../entities/column-dialect.ts';
import {migrationNames, type MigrationName} from './migration-names.ts';
import {AuditTables as ServerAuditTables} from './server/audit.ts';
import {EngineRecords as ServerEngineRecords} from './server/engine-records.ts';
import {Configuration as ServerConfiguration} from './server/configuration.ts';
import {JobFacets as ServerJobFacets} from './server/job-facets.ts';
import {JobLogText as ServerJobLogText} from './server/job-log-text.ts';
import {SeedTables as ServerSeedTables} from './server/seed-tables.ts';
import {TenonTables as ServerTenonTables} from './server/tenon-tables.ts';
import {AuditTables as SqliteAuditTables} from './sqlite/audit.ts';
import {EngineRecords as SqliteEngineRecords} from './sqlite/engine-records.ts';
import {Configuration as SqliteConfiguration} from './sqlite/configuration.ts';
import {JobFacets as SqliteJobFacets} from './sqlite/job-facets.ts';
import {JobLogText as SqliteJobLogText} from './sqlite/job-log-text.ts';
import {SeedTables as SqliteSeedTables} from './sqlite/seed-tables.ts';
import {TenonTables as SqliteTenonTables} from './sqlite/tenon-tables.ts';

type MigrationClass = new (...parameters: ConstructorParameters<typeof Migration>) => Migration;

const classes: Readonly<Record<EntityDialect, Readonly<Record<MigrationName, MigrationClass>>>> = {
  sqlite: {
    '0001-seed-tables': SqliteSeedTables,
    '0002-tenon-tables': SqliteTenonTables,
    '0003-job-log-text': SqliteJobLogText,
    '0004-job-facets': SqliteJobFacets,
    '0005-configuration': SqliteConfiguration,
    '0006-audit': SqliteAuditTables,
    '0007-engine-records': SqliteEngineRecords,
  },
  server: {
    '0001-seed-tables': ServerSeedTables,
    '0002-tenon-tables': ServerTenonTables,
    '0003-job-log-text': ServerJobLogText,
    '0004-job-facets': ServerJobFacets,
    '0005-configuration': ServerConfiguration,
    '0006-audit': ServerAuditTables,
    '0007-engine-records': ServerEngineRecords,
  },
};

export const migrationList = (dialect: EntityDialect): {name: string; class: MigrationClass}[] =>
  migrationNames.map(name => ({name, class: classes[dialect][name]}));
