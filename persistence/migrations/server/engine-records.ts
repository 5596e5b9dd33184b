/** The history of engines, under Linkis' name and with its columns. One that is there already stays as it is. */
import {Migration} from '@mikro-orm/migrations';

export class EngineRecords extends Migration {
  override up(): void {
    this.addSql(`create table if not exists linkis_cg_ec_resource_info_record (
      id int not null auto_increment,
      label_value varchar(255) not null comment 'labels of the engine as text',
      create_user varchar(128) not null comment 'whose engine it is',
      service_instance varchar(128) default null comment 'instance of the engine',
      ecm_instance varchar(128) default null comment 'instance of its ECM',
      ticket_id varchar(100) not null comment 'id of the engine',
      status varchar(50) default null comment 'Starting, Unlock, Busy, ShuttingDown, Failed or Success',
      log_dir_suffix varchar(128) default null comment 'name of its log directory',
      request_times int default null comment 'how often resources were requested',
      request_resource varchar(1020) default null comment 'requested resources',
      used_times int default null comment 'how often resources were used',
      used_resource varchar(1020) default null comment 'used resources',
      metrics text default null comment 'metrics of the engine',
      release_times int default null comment 'how often resources were released',
      released_resource varchar(1020) default null comment 'released resources',
      release_time datetime default null comment 'when resources were released',
      used_time datetime default null comment 'when the engine became ready',
      create_time datetime default current_timestamp comment 'when the engine was asked for',
      primary key (id),
      key idx_ticket_id (ticket_id),
      unique key uniq_tid_lv (ticket_id, label_value),
      unique key uniq_sinstance_status_cuser_ctime (service_instance, status, create_user, create_time)
    ) engine = InnoDB default character set utf8 collate utf8_bin`);
  }
}
