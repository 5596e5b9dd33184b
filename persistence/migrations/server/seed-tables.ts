/**
 * The seeds' six tables, their DDL as written, but for two things: nothing is dropped, and a table that is already
 * there (in the database of a Linkis installation) stays as it is.
 */
import {Migration} from '@mikro-orm/migrations';

const statements = [
  `CREATE TABLE IF NOT EXISTS linkis_ps_job_history_group_history (
  id bigint(20) NOT NULL AUTO_INCREMENT COMMENT 'Primary Key, auto increment',
  job_req_id varchar(64) DEFAULT NULL COMMENT 'job execId',
  submit_user varchar(50) DEFAULT NULL COMMENT 'who submitted this Job',
  execute_user varchar(50) DEFAULT NULL COMMENT 'who actually executed this Job',
  source text DEFAULT NULL COMMENT 'job source',
  labels text DEFAULT NULL COMMENT 'job labels',
  params text DEFAULT NULL COMMENT 'job params',
  progress varchar(32) DEFAULT NULL COMMENT 'Job execution progress',
  status varchar(50) DEFAULT NULL COMMENT 'Script execution status, must be one of the following: Inited, WaitForRetry, Scheduled, Running, Succeed, Failed, Cancelled, Timeout',
  log_path varchar(200) DEFAULT NULL COMMENT 'File path of the job log',
  error_code int DEFAULT NULL COMMENT 'Error code. Generated when the execution of the script fails',
  error_desc varchar(1000) DEFAULT NULL COMMENT 'Execution description. Generated when the execution of script fails',
  created_time datetime(3) DEFAULT CURRENT_TIMESTAMP(3) COMMENT 'Creation time',
  updated_time datetime(3) DEFAULT CURRENT_TIMESTAMP(3) COMMENT 'Update time',
  instances varchar(250) DEFAULT NULL COMMENT 'Entrance instances',
  metrics text DEFAULT NULL COMMENT 'Job Metrics',
  engine_type varchar(32) DEFAULT NULL COMMENT 'Engine type',
  execution_code text DEFAULT NULL COMMENT 'Job origin code or code path',
  result_location varchar(500) DEFAULT NULL COMMENT 'File path of the resultsets',
  observe_info varchar(500) DEFAULT NULL COMMENT 'The notification information configuration of this job',
  PRIMARY KEY (id),
  KEY idx_created_time (created_time),
  KEY idx_submit_user (submit_user)
)`,
  `CREATE TABLE IF NOT EXISTS linkis_ps_job_history_detail (
  id bigint(20) NOT NULL AUTO_INCREMENT COMMENT 'Primary Key, auto increment',
  job_history_id bigint(20) NOT NULL COMMENT 'ID of JobHistory',
  result_location varchar(500) DEFAULT NULL COMMENT 'File path of the resultsets',
  execution_content text DEFAULT NULL COMMENT 'The script code or other execution content executed by this Job',
  result_array_size int(4) DEFAULT 0 COMMENT 'size of result array',
  job_group_info text DEFAULT NULL COMMENT 'Job group info/path',
  created_time datetime(3) DEFAULT CURRENT_TIMESTAMP(3) COMMENT 'Creation time',
  updated_time datetime(3) DEFAULT CURRENT_TIMESTAMP(3) COMMENT 'Update time',
  status varchar(32) DEFAULT NULL COMMENT 'status',
  priority int(4) DEFAULT 0 COMMENT 'order of subjob',
  PRIMARY KEY (id)
)`,
  `CREATE TABLE IF NOT EXISTS linkis_ps_common_lock (
  id int(11) NOT NULL AUTO_INCREMENT,
  lock_object varchar(255) COLLATE utf8_bin DEFAULT NULL,
  locker VARCHAR(255) CHARSET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL COMMENT 'locker',
  time_out longtext COLLATE utf8_bin,
  update_time datetime DEFAULT CURRENT_TIMESTAMP,
  create_time datetime DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE KEY uniq_lock_object (lock_object)
)`,
  `CREATE TABLE IF NOT EXISTS linkis_ps_instance_label (
  id int(20) NOT NULL AUTO_INCREMENT,
  label_key varchar(32) COLLATE utf8_bin NOT NULL COMMENT 'string key',
  label_value varchar(255) COLLATE utf8_bin NOT NULL COMMENT 'string value',
  label_feature varchar(16) COLLATE utf8_bin NOT NULL COMMENT 'store the feature of label, but it may be redundant',
  label_value_size int(20) NOT NULL COMMENT 'size of key -> value map',
  update_time datetime NOT NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'update unix timestamp',
  create_time datetime NOT NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'update unix timestamp',
  PRIMARY KEY (id),
  UNIQUE KEY label_key_value (label_key,label_value)
) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin`,
  `CREATE TABLE IF NOT EXISTS linkis_ps_instance_info (
  id int(11) NOT NULL AUTO_INCREMENT,
  instance varchar(128) COLLATE utf8_bin DEFAULT NULL COMMENT 'structure like \${host|machine}:\${port}',
  name varchar(128) COLLATE utf8_bin DEFAULT NULL COMMENT 'equal application name in registry',
  update_time datetime DEFAULT CURRENT_TIMESTAMP COMMENT 'update unix timestamp',
  create_time datetime DEFAULT CURRENT_TIMESTAMP COMMENT 'create unix timestamp',
  PRIMARY KEY (id),
  UNIQUE KEY instance (instance)
) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin`,
  `CREATE TABLE IF NOT EXISTS linkis_ps_instance_label_relation (
  id int(20) NOT NULL AUTO_INCREMENT,
  label_id int(20) DEFAULT NULL COMMENT 'id reference linkis_ps_instance_label -> id',
  service_instance varchar(128) NOT NULL COLLATE utf8_bin COMMENT 'structure like \${host|machine}:\${port}',
  update_time datetime DEFAULT CURRENT_TIMESTAMP COMMENT 'update unix timestamp',
  create_time datetime DEFAULT CURRENT_TIMESTAMP COMMENT 'create unix timestamp',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin`,
];

export class SeedTables extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
