/**
 * The configuration on Linkis' tables. Every change first takes the next number of the configuration, which is one row in
 * `tenon_id_block`: so there is one writer at a time in the whole cluster, and the number tells whether anything changed.
 * Rows that another program inserts show in the greatest ids.
 */
import {
  configValueCharsMax,
  DuplicateRowError,
  GrantedValueError,
  type ConfigKey,
  type ConfigurationStore,
  type ConfigurationTables,
  type ValueChange,
} from '../actors/configuration.ts';
import {configurationChange, configurationNumber, labelIdOf} from './configuration-change.ts';
import {configurationCategories} from './configuration-categories.ts';
import {configurationMappings} from './configuration-mappings.ts';
import {readConfiguration} from './configuration-rows.ts';
import {fitting} from './column-limits.ts';
import {integerOf, textOf} from './sql-row.ts';
import type {SqlSession, SqlStatements, SqlValue} from './sql-session.ts';

const labelCharsMax = 255;

export function configurationStore(session: SqlSession): ConfigurationStore {
  const {now} = session.words;

  const change = configurationChange(session);

  async function saveValue(inside: SqlStatements, wanted: ValueChange): Promise<void> {
    const {keyId, labelKey, value, grantedBy} = wanted;
    const labelValue = fitting('The label', wanted.labelValue, labelCharsMax);
    const labelId = await labelIdOf(inside, now, labelKey, labelValue);
    const [row] = await inside.all(
      `select v.id, g.value_id as granted from linkis_ps_configuration_config_value v
       left join tenon_configuration_grant g on g.value_id = v.id
       where v.config_key_id = ? and v.config_label_id = ?`,
      [keyId, labelId],
    );
    const known = row === undefined ? undefined : integerOf(row, 'id');
    if (row !== undefined && row['granted'] !== null && grantedBy === undefined) {
      throw new GrantedValueError(labelValue);
    }
    if (known !== undefined)
      await inside.run('delete from tenon_configuration_grant where value_id = ?', [known]);
    if (value === null) {
      if (known !== undefined) {
        await inside.run('delete from linkis_ps_configuration_config_value where id = ?', [known]);
      }
      return;
    }
    const id = await putValue(inside, known, [
      fitting('The value', value, configValueCharsMax),
      keyId,
      labelId,
    ]);
    if (grantedBy !== undefined) {
      await inside.run('insert into tenon_configuration_grant (value_id, granted_by) values (?, ?)', [
        id,
        fitting('The user', grantedBy, 50),
      ]);
    }
  }

  async function putValue(
    {run}: SqlStatements,
    id: number | undefined,
    values: readonly [value: string, keyId: number, labelId: number],
  ): Promise<number> {
    if (id !== undefined) {
      await run(
        `update linkis_ps_configuration_config_value set config_value = ?, update_time = ${now} where id = ?`,
        [values[0], id],
      );
      return id;
    }
    const {insertId} = await run(
      `insert into linkis_ps_configuration_config_value
         (config_value, config_key_id, config_label_id, update_time, create_time) values (?, ?, ?, ${now}, ${now})`,
      values,
    );
    return insertId;
  }

  return {
    async version() {
      const [row = {}] = await session.all(
        `select (select next_id from tenon_id_block where name = ?) as number,
           ${watched.map((table, n) => `(select max(id) from ${table}) as id${n}`).join(', ')}`,
        [configurationNumber],
      );
      return ['number', ...watched.map((_table, n) => `id${n}`)].map(column => textOf(row, column)).join(' ');
    },

    tables: (): Promise<ConfigurationTables> => readConfiguration(session),

    async saveValues(changes) {
      await change(async inside => {
        // oxlint-disable-next-line no-await-in-loop
        for (const wanted of changes) await saveValue(inside, wanted);
      });
    },

    saveKey: key =>
      change(async inside => {
        const values = keyValues(key);
        const columns = Object.keys(values);
        const same = await inside.all(
          'select id from linkis_ps_configuration_config_key where `key` = ? and engine_conn_type = ? and id <> ?',
          [key.key, key.engineType, key.id],
        );
        if (same.length > 0) throw new DuplicateRowError(`The key ${key.key} of '${key.engineType}'`);
        if (key.id !== 0) {
          const {changes} = await inside.run(
            `update linkis_ps_configuration_config_key set ${columns.map(name => `${name} = ?`).join(', ')}
             where id = ?`,
            [...Object.values(values), key.id],
          );
          return changes > 0 ? key.id : undefined;
        }
        const {insertId} = await inside.run(
          `insert into linkis_ps_configuration_config_key (${columns.join(', ')})
           values (${columns.map(() => '?').join(', ')})`,
          Object.values(values),
        );
        await relateKey(inside, insertId, key.engineType);
        return insertId;
      }),

    removeKey: id =>
      change(async ({run}) => {
        await run(
          `delete from tenon_configuration_grant where value_id in
             (select id from linkis_ps_configuration_config_value where config_key_id = ?)`,
          [id],
        );
        await run('delete from linkis_ps_configuration_config_value where config_key_id = ?', [id]);
        await run('delete from linkis_ps_configuration_key_engine_relation where config_key_id = ?', [id]);
        const {changes} = await run('delete from linkis_ps_configuration_config_key where id = ?', [id]);
        return changes > 0;
      }),

    ...configurationCategories(session.words, change),
    ...configurationMappings(session.words, change),
  };
}

const watched = [
  'linkis_ps_configuration_config_value',
  'linkis_ps_configuration_config_key',
  'linkis_ps_configuration_category',
  'linkis_cg_tenant_label_config',
  'linkis_cg_user_ip_config',
];

/** A new key belongs to every version of its engine type that has keys, or to everything. */
async function relateKey({run}: SqlStatements, keyId: number, engineType: string): Promise<void> {
  await run(
    `insert into linkis_ps_configuration_key_engine_relation (config_key_id, engine_type_label_id)
     select distinct ?, r.engine_type_label_id from linkis_ps_configuration_key_engine_relation r
     join linkis_ps_configuration_config_key k on k.id = r.config_key_id where k.engine_conn_type = ?`,
    [keyId, engineType],
  );
}

/** Column and value; throws `ValueTooLongError`. */
const keyValues = (key: ConfigKey): Readonly<Record<string, SqlValue>> => ({
  '`key`': fitting('The key', key.key, 50),
  description: fitting('The description', key.description, 200),
  name: fitting('The name', key.name, 50),
  default_value: fitting('The default', key.defaultValue, 200),
  validate_type: fitting('The validateType', key.validateType, 50),
  validate_range: fitting('The validateRange', key.validateRange, 150),
  engine_conn_type: fitting('The engineType', key.engineType, 50),
  is_hidden: key.isHidden ? 1 : 0,
  is_advanced: key.isAdvanced ? 1 : 0,
  level: key.level,
  treeName: fitting('The treeName', key.treeName, 20),
  boundary_type: key.boundaryType,
  en_description: orNull(fitting('The enDescription', key.enDescription, 200)),
  en_name: orNull(fitting('The enName', key.enName, 100)),
  en_treeName: orNull(fitting('The enTreeName', key.enTreeName, 100)),
  template_required: key.templateRequired ? 1 : 0,
});

const orNull = (text: string): string | null => (text === '' ? null : text);
