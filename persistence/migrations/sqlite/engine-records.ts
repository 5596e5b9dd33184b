/** The history of engines, under Linkis' name and with its columns. */
import {Migration} from '@mikro-orm/migrations';

const now = "(cast(unixepoch('subsec') * 1000 as integer))";

const statements = [
  `create table linkis_cg_ec_resource_info_record (
    id integer not null primary key autoincrement, label_value text not null, create_user text not null,
    service_instance text null, ecm_instance text null, ticket_id text not null, status text null,
    log_dir_suffix text null, request_times integer null, request_resource text null, used_times integer null,
    used_resource text null, metrics text null, release_times integer null, released_resource text null,
    release_time datetime null, used_time datetime null, create_time datetime null default ${now})`,
  'create index idx_ticket_id on linkis_cg_ec_resource_info_record (ticket_id)',
  'create unique index uniq_tid_lv on linkis_cg_ec_resource_info_record (ticket_id, label_value)',
  `create unique index uniq_sinstance_status_cuser_ctime on linkis_cg_ec_resource_info_record
    (service_instance, status, create_user, create_time)`,
];

export class EngineRecords extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
