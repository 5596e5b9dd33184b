/** Who changed what: see `actors/audit.ts`. */
import {Migration} from '@mikro-orm/migrations';

const statements = [
  `create table tenon_audit (
    id integer not null primary key, entry_id text not null, at_ms bigint not null, user_name text not null,
    action text not null, target text not null, outcome text not null, address text not null,
    request_id text not null, node text not null, before_text text not null, after_text text not null,
    details text not null, chain text not null)`,
  'create unique index uniq_tenon_audit_entry on tenon_audit (entry_id)',
  'create index idx_tenon_audit_at on tenon_audit (at_ms)',
  'create index idx_tenon_audit_user on tenon_audit (user_name)',
  'create index idx_tenon_audit_action on tenon_audit (action)',
  'create index idx_tenon_audit_target on tenon_audit (target)',
  `create table tenon_audit_head (
    name text not null primary key, last_id bigint not null, last_chain text not null, removed_id bigint not null,
    removed_chain text not null)`,
  "insert into tenon_audit_head (name, last_id, last_chain, removed_id, removed_chain) values ('audit', 0, '', 0, '')",
];

export class AuditTables extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
