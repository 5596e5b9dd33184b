/** Our own tables in SQLite, and Linkis' token table. */
import {Migration} from '@mikro-orm/migrations';

const statements = [
  `create table tenon_job (
    id integer not null primary key, attempt integer not null default 0, engine_id text not null,
    tenant text not null, priority integer not null default 100, killed_by text null, idempotency_key text null,
    request_id text not null, creator text not null, code_type text not null, log_lines bigint null,
    has_texts integer not null default 0, submit_user text not null, execute_user text not null, status text not null,
    is_open integer null, engine_type text not null, instance text not null, engine_instance text not null,
    created_ms bigint not null, cost_ms bigint not null)`,
  'create unique index uniq_tenon_job_idempotency on tenon_job (submit_user, idempotency_key)',
  'create index idx_tenon_job_open on tenon_job (is_open)',
  'create index idx_tenon_job_created on tenon_job (created_ms)',
  'create index idx_tenon_job_submit_user on tenon_job (submit_user, created_ms)',
  'create index idx_tenon_job_status on tenon_job (status, created_ms)',
  `create table tenon_job_text (
    job_id bigint not null, kind text not null, content text not null, primary key (job_id, kind))`,
  'create table tenon_id_block (name text not null primary key, next_id bigint not null)',
  "insert into tenon_id_block (name, next_id) values ('job', 1)",
  `create table tenon_user (
    name text not null primary key, is_admin integer not null default 0, tenant text not null,
    password_hash text not null)`,
  `create table tenon_session (
    ticket_hash text not null primary key, user_name text not null, created_ms bigint not null,
    last_access_ms bigint not null)`,
  'create index idx_tenon_session_user on tenon_session (user_name)',
  'create index idx_tenon_session_last_access on tenon_session (last_access_ms)',
  'create table tenon_shared_secret (name text not null primary key, content text not null)',
  `create table linkis_mg_gateway_auth_token (
    id integer not null primary key autoincrement, token_name text not null, token_sign text null,
    legal_users text null, legal_hosts text null, business_owner text null, create_time date null,
    update_time date null, elapse_day bigint null, update_by text null)`,
  'create unique index uniq_token_name on linkis_mg_gateway_auth_token (token_name)',
  `create table tenon_token (
    id integer not null primary key, hint text not null, is_admin integer not null default 0,
    created_ms bigint not null)`,
];

export class TenonTables extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
