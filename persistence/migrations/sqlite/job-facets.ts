/** What lists and statistics of a large history need: see `job-facets.ts`, `job-days.ts` and `history-upkeep.ts`. */
import {Migration} from '@mikro-orm/migrations';

const statements = [
  'alter table tenon_job add column facet integer null',
  'alter table tenon_job add column took_ms bigint null',
  'alter table tenon_job add column queued_ms bigint null',
  'alter table tenon_job add column launch_ms bigint null',
  'alter table tenon_job add column waits text null',
  'drop index idx_tenon_job_open',
  'create index idx_tenon_job_took on tenon_job (is_open, took_ms)',
  'create index idx_tenon_job_facet on tenon_job (facet, status, created_ms)',
  'create index idx_tenon_job_engine on tenon_job (engine_instance)',
  `create table tenon_job_facet (
    id integer not null primary key autoincrement, submit_user text not null, execute_user text not null,
    creator text not null, engine_type text not null, code_type text not null, instance text not null,
    tenant text not null)`,
  `create unique index uniq_tenon_job_facet on tenon_job_facet
    (submit_user, execute_user, creator, engine_type, code_type, instance, tenant)`,
  `create table tenon_job_day (
    day integer not null, submit_user text not null, tenant text not null, engine_type text not null,
    creator text not null, status text not null, jobs integer not null, took text not null, waits text not null,
    primary key (day, submit_user, tenant, engine_type, creator, status))`,
  'create index idx_tenon_job_day_user on tenon_job_day (submit_user, day, tenant, engine_type, creator, status, jobs)',
  'create table tenon_job_sealed_day (day integer not null primary key, jobs integer not null)',
];

export class JobFacets extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
