import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {lookUp} from '../../actors/configuration-lookup.ts';
import {createMemoryConfiguration} from '../support/memory-configuration.ts';
import {configurationContract} from './configuration-store.contract.ts';
import {freshDatabase, freshDatabaseAt} from './database-fixture.ts';

configurationContract('memory', async () => createMemoryConfiguration());

configurationContract('SQLite', async t => (await freshDatabase(t)).configuration);

test('a row that another program inserts is noticed', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const before = await database.configuration.version();
  const other = new DatabaseSync(join(directory, 'tenon.db'));
  other.exec(
    `insert into linkis_ps_configuration_config_value (config_key_id, config_value, config_label_id)
     select 1, '5G', id from linkis_cg_manager_label where label_value = '*-*,*-*'`,
  );
  other.close();
  t.not(await database.configuration.version(), before);
  const [found] = lookUp(await database.configuration.tables()).valuesFor('wds.linkis.rm.client.memory.max', {
    user: 'alice',
    creator: 'IDE',
    engineType: 'shell',
    version: '1',
  });
  t.like(found, {text: '5G', source: 'given'});
});

test('more values than one statement reads are all read', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const other = new DatabaseSync(join(directory, 'tenon.db'));
  const count = 2500;
  other.exec(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
     insert into linkis_ps_configuration_config_value (config_key_id, config_value, config_label_id)
     select 1, 'value ' || i, 100000 + i from n`,
  );
  other.close();
  const {values} = await database.configuration.tables();
  t.is(new Set(values.map(({value}) => value)).size, count);
});
