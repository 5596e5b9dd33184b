/** Linkis' configuration tables in SQLite, the labels they hang on, tenants and addresses of users; and their first rows. */
import {raw} from '@mikro-orm/core';
import {Migration} from '@mikro-orm/migrations';
import {configurationRows} from '../configuration-rows.ts';

const now = "(cast(unixepoch('subsec') * 1000 as integer))";
const times = `update_time datetime not null default ${now}, create_time datetime not null default ${now}`;

const statements = [
  `create table linkis_cg_manager_label (
    id integer not null primary key autoincrement, label_key text not null, label_value text not null,
    label_feature text not null, label_value_size integer not null, ${times})`,
  'create unique index uniq_lk_lv on linkis_cg_manager_label (label_key, label_value)',
  `create table linkis_ps_configuration_config_key (
    id integer not null primary key autoincrement, \`key\` text null, description text null, name text null,
    default_value text null, validate_type text null, validate_range text null, engine_conn_type text null default '',
    is_hidden integer null, is_advanced integer null, level integer null, treeName text null,
    boundary_type integer not null default 0, en_description text null, en_name text null, en_treeName text null,
    template_required integer null default 0)`,
  'create unique index uniq_key_ectype on linkis_ps_configuration_config_key (`key`, engine_conn_type)',
  `create table linkis_ps_configuration_key_engine_relation (
    id integer not null primary key autoincrement, config_key_id bigint not null, engine_type_label_id bigint not null)`,
  `create unique index uniq_kid_lid_relation
    on linkis_ps_configuration_key_engine_relation (config_key_id, engine_type_label_id)`,
  `create table linkis_ps_configuration_config_value (
    id integer not null primary key autoincrement, config_key_id bigint null, config_value text null,
    config_label_id integer null, ${times})`,
  'create unique index uniq_kid_lid on linkis_ps_configuration_config_value (config_key_id, config_label_id)',
  `create table linkis_ps_configuration_category (
    id integer not null primary key autoincrement, label_id integer not null, level integer not null,
    description text null, tag text null, ${times})`,
  'create unique index uniq_label_id on linkis_ps_configuration_category (label_id)',
  'create table tenon_configuration_grant (value_id integer not null primary key, granted_by text not null)',
  `create table linkis_cg_tenant_label_config (
    id integer not null primary key autoincrement, user text not null, creator text not null,
    tenant_value text not null, create_time datetime not null default ${now},
    update_time datetime not null default ${now}, \`desc\` text not null, bussiness_user text not null,
    is_valid text not null default 'Y')`,
  'create unique index uniq_user_creator_tenant on linkis_cg_tenant_label_config (user, creator)',
  `create table linkis_cg_user_ip_config (
    id integer not null primary key autoincrement, user text not null, creator text not null, ip_list text not null,
    create_time datetime not null default ${now}, update_time datetime not null default ${now},
    \`desc\` text not null, bussiness_user text not null)`,
  'create unique index uniq_user_creator_ip on linkis_cg_user_ip_config (user, creator)',
];

export class Configuration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
    for (const {sql, values} of configurationRows('insert or ignore')) this.addSql(raw(sql, [...values]));
  }
}
