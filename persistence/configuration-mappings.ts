/** Which tenant jobs of a user and creator belong to, and from which addresses they may be submitted. */
import {
  DuplicateRowError,
  type ConfigurationStore,
  type NewMapping,
  type TenantMapping,
  type UserIpMapping,
} from '../actors/configuration.ts';
import {fitting, fittingBytes} from './column-limits.ts';
import type {Change} from './configuration-change.ts';
import type {SqlStatements, SqlValue, SqlWords} from './sql-session.ts';

type Who = {readonly id?: number; readonly user: string; readonly creator: string};

const ipListBytesMax = 65_535;

export function configurationMappings(
  {now}: SqlWords,
  change: Change,
): Pick<ConfigurationStore, 'saveTenant' | 'removeTenant' | 'saveUserIp' | 'removeUserIp'> {
  /** False: there is no row with that id. */
  async function put(
    inside: SqlStatements,
    table: string,
    id: number | undefined,
    values: Readonly<Record<string, SqlValue>>,
  ): Promise<boolean> {
    const columns = Object.keys(values);
    if (id === undefined) {
      await inside.run(
        `insert into ${table} (${columns.join(', ')}, update_time, create_time)
         values (${columns.map(() => '?').join(', ')}, ${now}, ${now})`,
        Object.values(values),
      );
      return true;
    }
    const {changes} = await inside.run(
      `update ${table} set ${columns.map(column => `${column} = ?`).join(', ')}, update_time = ${now} where id = ?`,
      [...Object.values(values), id],
    );
    return changes > 0;
  }

  const save = (table: string, {id, user, creator}: Who, values: Readonly<Record<string, SqlValue>>) =>
    change(async inside => {
      const same = await inside.all(`select id from ${table} where user = ? and creator = ? and id <> ?`, [
        user,
        creator,
        id ?? 0,
      ]);
      if (same.length > 0) throw new DuplicateRowError(`The mapping of user ${user} and creator ${creator}`);
      return put(inside, table, id, values);
    });

  const remove = (table: string) => (id: number) =>
    change(async ({run}) => (await run(`delete from ${table} where id = ?`, [id])).changes > 0);

  return {
    saveTenant: mapping => save(tenantTable, mapping, tenantValues(mapping)),
    removeTenant: remove(tenantTable),
    saveUserIp: mapping => save(userIpTable, mapping, userIpValues(mapping)),
    removeUserIp: remove(userIpTable),
  };
}

const tenantTable = 'linkis_cg_tenant_label_config';
const userIpTable = 'linkis_cg_user_ip_config';

const commonValues = ({
  user,
  creator,
  description,
  businessUser,
}: Omit<NewMapping<UserIpMapping>, 'ipList'>) => ({
  user: fitting('The user', user, 50),
  creator: fitting('The creator', creator, 50),
  '`desc`': fitting('The description', description, 100),
  bussiness_user: fitting('The bussinessUser', businessUser, 50),
});

const tenantValues = (mapping: NewMapping<TenantMapping>): Readonly<Record<string, SqlValue>> => ({
  ...commonValues(mapping),
  tenant_value: fitting('The tenant', mapping.tenant, 128),
  is_valid: mapping.isValid ? 'Y' : 'N',
});

const userIpValues = (mapping: NewMapping<UserIpMapping>): Readonly<Record<string, SqlValue>> => ({
  ...commonValues(mapping),
  ip_list: fittingBytes('The list of addresses', mapping.ipList, ipListBytesMax),
});
