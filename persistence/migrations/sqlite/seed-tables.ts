/** The seeds' six tables in SQLite: the same columns and keys; times are integer milliseconds. */
import {Migration} from '@mikro-orm/migrations';

const now = "(cast(unixepoch('subsec') * 1000 as integer))";

const statements = [
  `create table linkis_ps_job_history_group_history (
    id integer not null primary key autoincrement, job_req_id text null, submit_user text null,
    execute_user text null, source text null, labels text null, params text null, progress text null,
    status text null, log_path text null, error_code integer null, error_desc text null,
    created_time datetime null default ${now}, updated_time datetime null default ${now}, instances text null,
    metrics text null, engine_type text null, execution_code text null, result_location text null,
    observe_info text null)`,
  'create index idx_submit_user on linkis_ps_job_history_group_history (submit_user)',
  'create index idx_created_time on linkis_ps_job_history_group_history (created_time)',
  `create table linkis_ps_job_history_detail (
    id integer not null primary key autoincrement, job_history_id bigint not null, result_location text null,
    execution_content text null, result_array_size integer null default 0, job_group_info text null,
    created_time datetime null default ${now}, updated_time datetime null default ${now}, status text null,
    priority integer null default 0)`,
  `create table linkis_ps_common_lock (
    id integer not null primary key autoincrement, lock_object text null, locker text null, time_out text null,
    update_time datetime null default ${now}, create_time datetime null default ${now})`,
  'create unique index uniq_lock_object on linkis_ps_common_lock (lock_object)',
  `create table linkis_ps_instance_label (
    id integer not null primary key autoincrement, label_key text not null, label_value text not null,
    label_feature text not null, label_value_size integer not null,
    update_time datetime not null default ${now}, create_time datetime not null default ${now})`,
  'create unique index label_key_value on linkis_ps_instance_label (label_key, label_value)',
  `create table linkis_ps_instance_info (
    id integer not null primary key autoincrement, instance text null, name text null,
    update_time datetime null default ${now}, create_time datetime null default ${now})`,
  'create unique index instance on linkis_ps_instance_info (instance)',
  `create table linkis_ps_instance_label_relation (
    id integer not null primary key autoincrement, label_id integer null, service_instance text not null,
    update_time datetime null default ${now}, create_time datetime null default ${now})`,
];

export class SeedTables extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
