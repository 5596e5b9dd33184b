/**
 * Our own tables on MySQL and MariaDB, and Linkis' token table. Names compare by bytes. Jobs that Linkis recorded here
 * before get their row in `tenon_job`, so that lists, which go through it, show them.
 */
import {Migration} from '@mikro-orm/migrations';

const options = 'engine = InnoDB default character set utf8mb4 collate utf8mb4_bin';

const labelValue = (key: string): string =>
  `coalesce(if(json_valid(labels), json_unquote(json_extract(labels, '$.${key}')), ''), '')`;
const millisecondsOf = (from: string, to: string): string =>
  `timestampdiff(microsecond, ${from}, ${to}) div 1000`;

const statements = [
  `create table if not exists tenon_job (
    id bigint not null, attempt int not null default 0, engine_id varchar(64) not null, tenant varchar(50) not null,
    priority int not null default 100, killed_by varchar(50) null, idempotency_key varchar(128) null,
    request_id varchar(64) not null, creator varchar(50) not null, code_type varchar(50) not null,
    log_lines bigint null, has_texts tinyint not null default 0, submit_user varchar(50) not null,
    execute_user varchar(50) not null, status varchar(50) not null, is_open tinyint null,
    engine_type varchar(32) not null, instance varchar(250) not null, engine_instance varchar(128) not null,
    created_ms bigint not null, cost_ms bigint not null,
    primary key (id),
    unique key uniq_tenon_job_idempotency (submit_user, idempotency_key),
    key idx_tenon_job_open (is_open),
    key idx_tenon_job_created (created_ms),
    key idx_tenon_job_submit_user (submit_user, created_ms),
    key idx_tenon_job_status (status, created_ms)) ${options}`,
  `create table if not exists tenon_job_text (
    job_id bigint not null, kind varchar(16) not null, content longtext not null,
    primary key (job_id, kind)) ${options}`,
  `create table if not exists tenon_id_block (
    name varchar(32) not null, next_id bigint not null, primary key (name)) ${options}`,
  "insert ignore into tenon_id_block (name, next_id) values ('job', 1)",
  `create table if not exists tenon_user (
    name varchar(50) not null, is_admin tinyint not null default 0, tenant varchar(50) not null,
    password_hash varchar(255) not null, primary key (name)) ${options}`,
  `create table if not exists tenon_session (
    ticket_hash varchar(64) not null, user_name varchar(50) not null, created_ms bigint not null,
    last_access_ms bigint not null, primary key (ticket_hash), key idx_tenon_session_user (user_name),
    key idx_tenon_session_last_access (last_access_ms)) ${options}`,
  `create table if not exists tenon_shared_secret (
    name varchar(64) not null, content longtext not null, primary key (name)) ${options}`,
  `create table if not exists linkis_mg_gateway_auth_token (
    id int not null auto_increment, token_name varchar(128) not null, token_sign text null, legal_users text null,
    legal_hosts text null, business_owner varchar(32) null, create_time date null, update_time date null,
    elapse_day bigint null, update_by varchar(32) null,
    primary key (id), unique key uniq_token_name (token_name)) ${options}`,
  `create table if not exists tenon_token (
    id int not null, hint varchar(16) not null, is_admin tinyint not null default 0, created_ms bigint not null,
    primary key (id)) ${options}`,
  `insert ignore into tenon_job
    (id, engine_id, tenant, request_id, creator, code_type, submit_user, execute_user, status, is_open,
     engine_type, instance, engine_instance, created_ms, cost_ms)
    select id, '', '', '', left(substring_index(${labelValue('userCreator')}, '-', -1), 50),
     left(${labelValue('codeType')}, 50), coalesce(submit_user, ''), coalesce(execute_user, ''),
     coalesce(status, ''), if(status in ('Inited', 'Scheduled', 'Running', 'WaitForRetry'), 1, null),
     coalesce(engine_type, ''), lower(substring_index(coalesce(instances, ''), '#', 1)), '',
     coalesce(${millisecondsOf("'1970-01-01'", 'created_time')}, 0),
     greatest(0, coalesce(${millisecondsOf('created_time', 'updated_time')}, 0))
    from linkis_ps_job_history_group_history`,
];

export class TenonTables extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
