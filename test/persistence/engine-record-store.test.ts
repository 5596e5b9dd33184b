import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {createMemoryEngineRecords, engineLaunch} from '../support/memory-engine-records.ts';
import {engineRecordContract} from './engine-record-store.contract.ts';
import {freshDatabase, freshDatabaseAt} from './database-fixture.ts';

engineRecordContract('memory', async () => createMemoryEngineRecords());

engineRecordContract('SQLite', async t => (await freshDatabase(t)).engineRecords);

test('the texts in the table are those of Linkis', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  await database.engineRecords.append(engineLaunch('e1-1'));
  const file = new DatabaseSync(join(directory, 'tenon.db'));
  t.teardown(() => file.close());
  const row = {...file.prepare('select * from linkis_cg_ec_resource_info_record').get()};
  t.like(row, {
    label_value: 'alice-IDE,shell-1',
    create_user: 'alice',
    request_times: 1,
    request_resource: '{"cores":1,"instance":1,"memory":1073741824}',
    used_times: null,
  });
});

test('a row that Linkis wrote can be read', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const file = new DatabaseSync(join(directory, 'tenon.db'));
  t.teardown(() => file.close());
  file.exec(`insert into linkis_cg_ec_resource_info_record (label_value, create_user, ticket_id, status, used_resource)
    values ('bob-IDE,spark-3.2.1', 'bob', 't1', 'ShuttingDown', 'not json')`);
  t.like(await database.engineRecords.find('t1'), {
    user: 'bob',
    creator: 'IDE',
    engineType: 'spark',
    version: '3.2.1',
    status: 'ShuttingDown',
    used: null,
    usedTime: null,
  });
});

test('what does not fit its column is refused, and nothing is stored', async t => {
  const {engineRecords} = await freshDatabase(t);
  await t.throwsAsync(engineRecords.append(engineLaunch('e'.repeat(101), {instance: 'x'})), {
    name: 'ValueTooLongError',
  });
  t.is((await engineRecords.list({}, {number: 1, size: 1})).total, 0);
});
