/** Who changed what: see `actors/audit.ts`. Names compare by bytes. */
import {Migration} from '@mikro-orm/migrations';

const options = 'engine = InnoDB default character set utf8mb4 collate utf8mb4_bin';

const statements = [
  `create table if not exists tenon_audit (
    id bigint not null, entry_id varchar(64) not null, at_ms bigint not null, user_name varchar(128) not null,
    action varchar(64) not null, target varchar(255) not null, outcome varchar(16) not null,
    address varchar(64) not null, request_id varchar(64) not null, node varchar(128) not null,
    before_text text not null, after_text text not null, details text not null, chain varchar(64) not null,
    primary key (id),
    unique key uniq_tenon_audit_entry (entry_id),
    key idx_tenon_audit_at (at_ms),
    key idx_tenon_audit_user (user_name),
    key idx_tenon_audit_action (action),
    key idx_tenon_audit_target (target)) ${options}`,
  `create table if not exists tenon_audit_head (
    name varchar(16) not null, last_id bigint not null, last_chain varchar(64) not null,
    removed_id bigint not null, removed_chain varchar(64) not null, primary key (name)) ${options}`,
  `insert ignore into tenon_audit_head (name, last_id, last_chain, removed_id, removed_chain)
    values ('audit', 0, '', 0, '')`,
];

export class AuditTables extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
