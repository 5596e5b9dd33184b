/**
 * Linkis' configuration tables on MySQL and MariaDB, the labels they hang on, tenants and addresses of users; and their first
 * rows. Where Linkis made the tables before, they and their rows stay.
 */
import {raw} from '@mikro-orm/core';
import {Migration} from '@mikro-orm/migrations';
import {configurationRows} from '../configuration-rows.ts';

const options = 'engine = InnoDB default character set utf8mb4 collate utf8mb4_bin';
const times =
  'update_time datetime not null default current_timestamp, create_time datetime not null default current_timestamp';

const statements = [
  `create table if not exists linkis_cg_manager_label (
    id int not null auto_increment, label_key varchar(32) not null, label_value varchar(255) not null,
    label_feature varchar(16) not null, label_value_size int not null, ${times},
    primary key (id), unique key uniq_lk_lv (label_key, label_value)) ${options}`,
  `create table if not exists linkis_ps_configuration_config_key (
    id bigint not null auto_increment, \`key\` varchar(50) null, description varchar(200) null, name varchar(50) null,
    default_value varchar(200) null, validate_type varchar(50) null, validate_range varchar(150) null,
    engine_conn_type varchar(50) null default '', is_hidden tinyint(1) null, is_advanced tinyint(1) null,
    level tinyint(1) null, treeName varchar(20) null, boundary_type tinyint not null default 0,
    en_description varchar(200) null, en_name varchar(100) null, en_treeName varchar(100) null,
    template_required tinyint(1) null default 0,
    primary key (id), unique key uniq_key_ectype (\`key\`, engine_conn_type)) ${options}`,
  `create table if not exists linkis_ps_configuration_key_engine_relation (
    id bigint not null auto_increment, config_key_id bigint not null, engine_type_label_id bigint not null,
    primary key (id), unique key uniq_kid_lid (config_key_id, engine_type_label_id)) ${options}`,
  `create table if not exists linkis_ps_configuration_config_value (
    id bigint not null auto_increment, config_key_id bigint null, config_value varchar(500) null,
    config_label_id int null, ${times},
    primary key (id), unique key uniq_kid_lid (config_key_id, config_label_id)) ${options}`,
  `create table if not exists linkis_ps_configuration_category (
    id int not null auto_increment, label_id int not null, level int not null, description varchar(200) null,
    tag varchar(200) null, ${times},
    primary key (id), unique key uniq_label_id (label_id)) ${options}`,
  `create table if not exists tenon_configuration_grant (
    value_id bigint not null, granted_by varchar(50) not null, primary key (value_id)) ${options}`,
  `create table if not exists linkis_cg_tenant_label_config (
    id int not null auto_increment, user varchar(50) not null, creator varchar(50) not null,
    tenant_value varchar(128) not null, create_time datetime not null default current_timestamp,
    update_time datetime not null default current_timestamp, \`desc\` varchar(100) not null,
    bussiness_user varchar(50) not null, is_valid varchar(1) not null default 'Y',
    primary key (id), unique key uniq_user_creator (user, creator)) ${options}`,
  `create table if not exists linkis_cg_user_ip_config (
    id int not null auto_increment, user varchar(50) not null, creator varchar(50) not null, ip_list text not null,
    create_time datetime not null default current_timestamp, update_time datetime not null default current_timestamp,
    \`desc\` varchar(100) not null, bussiness_user varchar(50) not null,
    primary key (id), unique key uniq_user_creator (user, creator)) ${options}`,
];

export class Configuration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
    for (const {sql, values} of configurationRows('insert ignore')) this.addSql(raw(sql, [...values]));
  }
}
