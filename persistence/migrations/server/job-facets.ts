/**
 * What lists and statistics of a large history need: see `job-facets.ts`, `job-days.ts` and `history-upkeep.ts`. The rows
 * that are there are filled in later, in the background: a node of the version before goes on writing meanwhile.
 */
import {Migration} from '@mikro-orm/migrations';

const options = 'engine = InnoDB default character set utf8mb4 collate utf8mb4_bin';

const columns = {
  facet: 'int null',
  took_ms: 'bigint null',
  queued_ms: 'bigint null',
  launch_ms: 'bigint null',
  waits: 'varchar(1000) null',
} as const;

const indexes = {
  idx_tenon_job_took: '(is_open, took_ms)',
  idx_tenon_job_facet: '(facet, status, created_ms)',
  idx_tenon_job_engine: '(engine_instance)',
} as const;

const tables = [
  `create table if not exists tenon_job_facet (
    id int not null auto_increment, submit_user varchar(50) not null, execute_user varchar(50) not null,
    creator varchar(50) not null, engine_type varchar(32) not null, code_type varchar(50) not null,
    instance varchar(250) not null, tenant varchar(50) not null,
    primary key (id),
    unique key uniq_tenon_job_facet
      (submit_user, execute_user, creator, engine_type, code_type, instance, tenant)) ${options}`,
  `create table if not exists tenon_job_day (
    day int not null, submit_user varchar(50) not null, tenant varchar(50) not null, engine_type varchar(32) not null,
    creator varchar(50) not null, status varchar(50) not null, jobs int not null, took text not null,
    waits text not null,
    primary key (day, submit_user, tenant, engine_type, creator, status),
    key idx_tenon_job_day_user (submit_user, day, tenant, engine_type, creator, status, jobs)) ${options}`,
  `create table if not exists tenon_job_sealed_day (
    day int not null, jobs int not null, primary key (day)) ${options}`,
];

export class JobFacets extends Migration {
  /** Repeatable: a server commits each change before the migration is noted, and a crash may come between. */
  override up(): void {
    for (const [name, type] of Object.entries(columns)) {
      this.#unlessThere(`columns`, `column_name = '${name}'`, `add column ${name} ${type}`);
    }
    for (const [name, on] of Object.entries(indexes)) {
      this.#unlessThere(`statistics`, `index_name = '${name}'`, `add key ${name} ${on}`);
    }
    this.#change(
      "(select count(*) = 0 from information_schema.statistics where table_schema = database() and table_name = 'tenon_job' and index_name = 'idx_tenon_job_open')",
      'drop key idx_tenon_job_open',
    );
    for (const table of tables) this.addSql(table);
  }

  #unlessThere(what: string, condition: string, change: string): void {
    this.#change(
      `(select count(*) from information_schema.${what} where table_schema = database() and table_name = 'tenon_job' and ${condition})`,
      change,
    );
  }

  #change(isDone: string, change: string): void {
    this.addSql(`set @is_done = ${isDone}`);
    this.addSql(`set @change = if(@is_done > 0, 'do 0', 'alter table tenon_job ${change}')`);
    this.addSql('prepare change_tenon_job from @change');
    this.addSql('execute change_tenon_job');
    this.addSql('deallocate prepare change_tenon_job');
  }
}
