/** Reads the configuration's tables whole. */
import {setImmediate as nextTurn} from 'node:timers/promises';
import type {
  ConfigCategory,
  ConfigKey,
  ConfigurationTables,
  ConfigValue,
  TenantMapping,
  UserIpMapping,
} from '../actors/configuration.ts';
import {combinedLabel, tenantLabel} from '../actors/configuration-scope.ts';
import {integerOf, textOf, timeOf} from './sql-row.ts';
import type {SqlRow, SqlSession} from './sql-session.ts';

/** Rows of one statement. Between two of them the database's thread does what else was asked of it. */
const pageRows = 1000;

const labelKeys = [combinedLabel, tenantLabel];

/** Not one moment's view: what changes meanwhile has another version, and is read again. */
export async function readConfiguration(session: Pick<SqlSession, 'all'>): Promise<ConfigurationTables> {
  /** `select` ends where its condition on `id`, by which it is ordered, begins. */
  async function of<Value>(
    select: string,
    id: string,
    read: (row: SqlRow) => Value,
    values: readonly string[] = [],
  ): Promise<readonly Value[]> {
    const found: Value[] = [];
    for (let after = 0; ; await nextTurn()) {
      // oxlint-disable-next-line no-await-in-loop -- a page after the other is the point
      const rows = await session.all(`${select} ${id} > ? order by ${id} limit ${pageRows}`, [
        ...values,
        after,
      ]);
      for (const row of rows) found.push(read(row));
      const last = rows.at(-1);
      if (last === undefined || rows.length < pageRows) return found;
      after = integerOf(last, 'id');
    }
  }

  return {
    keys: await of('select * from linkis_ps_configuration_config_key where', 'id', readKey),
    relations: await of(
      'select id, config_key_id, engine_type_label_id from linkis_ps_configuration_key_engine_relation where',
      'id',
      row => ({keyId: integerOf(row, 'config_key_id'), labelId: integerOf(row, 'engine_type_label_id')}),
    ),
    labels: await of(
      'select id, label_key, label_value from linkis_cg_manager_label where label_key in (?, ?) and',
      'id',
      row => ({id: integerOf(row, 'id'), key: textOf(row, 'label_key'), value: textOf(row, 'label_value')}),
      labelKeys,
    ),
    // Blank values are Linkis' way to say that a label has a key.
    values: await of(
      `select v.*, g.value_id as granted from linkis_ps_configuration_config_value v
         left join tenon_configuration_grant g on g.value_id = v.id
         where v.config_value is not null and v.config_value <> '' and`,
      'v.id',
      readValue,
    ),
    categories: await of('select * from linkis_ps_configuration_category where', 'id', readCategory),
    tenants: await of('select * from linkis_cg_tenant_label_config where', 'id', readTenant),
    userIps: await of('select * from linkis_cg_user_ip_config where', 'id', readUserIp),
  };
}

const readKey = (row: SqlRow): ConfigKey => ({
  id: integerOf(row, 'id'),
  key: textOf(row, 'key'),
  name: textOf(row, 'name'),
  description: textOf(row, 'description'),
  defaultValue: textOf(row, 'default_value'),
  validateType: textOf(row, 'validate_type'),
  validateRange: textOf(row, 'validate_range'),
  engineType: textOf(row, 'engine_conn_type'),
  isHidden: isSet(row, 'is_hidden'),
  isAdvanced: isSet(row, 'is_advanced'),
  level: integerOf(row, 'level'),
  treeName: textOf(row, 'treeName'),
  boundaryType: integerOf(row, 'boundary_type'),
  enName: textOf(row, 'en_name'),
  enDescription: textOf(row, 'en_description'),
  enTreeName: textOf(row, 'en_treeName'),
  templateRequired: isSet(row, 'template_required'),
});

const readValue = (row: SqlRow): ConfigValue => ({
  id: integerOf(row, 'id'),
  keyId: integerOf(row, 'config_key_id'),
  labelId: integerOf(row, 'config_label_id'),
  value: textOf(row, 'config_value'),
  isGranted: row['granted'] !== null,
  ...timesOf(row),
});

const readCategory = (row: SqlRow): ConfigCategory => ({
  id: integerOf(row, 'id'),
  labelId: integerOf(row, 'label_id'),
  level: integerOf(row, 'level'),
  description: textOf(row, 'description'),
  tag: textOf(row, 'tag'),
  ...timesOf(row),
});

const readTenant = (row: SqlRow): TenantMapping => ({
  ...mappingOf(row),
  tenant: textOf(row, 'tenant_value'),
  isValid: textOf(row, 'is_valid') === 'Y',
});

const readUserIp = (row: SqlRow): UserIpMapping => ({...mappingOf(row), ipList: textOf(row, 'ip_list')});

const mappingOf = (row: SqlRow) => ({
  id: integerOf(row, 'id'),
  user: textOf(row, 'user'),
  creator: textOf(row, 'creator'),
  description: textOf(row, 'desc'),
  businessUser: textOf(row, 'bussiness_user'),
  ...timesOf(row),
});

const timesOf = (row: SqlRow) => ({
  updateTime: timeOf(row, 'update_time'),
  createTime: timeOf(row, 'create_time'),
});

const isSet = (row: SqlRow, column: string): boolean => integerOf(row, column) !== 0;
