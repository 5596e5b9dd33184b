import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {createMemoryInstanceLabels} from '../support/memory-instance-labels.ts';
import {freshDatabase, freshDatabaseAt} from './database-fixture.ts';
import {instanceLabelContract} from './instance-label-store.contract.ts';

instanceLabelContract('memory', async () => createMemoryInstanceLabels());

instanceLabelContract('SQLite', async t => (await freshDatabase(t)).labels);

test('relations that Linkis wrote twice are read once, and of two values the newest; the next change tidies up', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const {labels} = database;
  await labels.register({instance: 'a:1', name: 'linkis-cg-entrance'}, {route: 'et1'});
  const file = new DatabaseSync(join(directory, 'tenon.db'));
  t.teardown(() => file.close());
  file.exec(`
    insert into linkis_ps_instance_label (label_key, label_value, label_feature, label_value_size)
      values ('route', 'et2', 'OPTIONAL', 1);
    insert into linkis_ps_instance_label_relation (label_id, service_instance)
      select id, 'a:1' from linkis_ps_instance_label;
    insert into linkis_ps_instance_label_relation (label_id, service_instance)
      select id, 'a:1' from linkis_ps_instance_label`);
  t.deepEqual(await labels.labelsOf('a:1'), {route: 'et2'});
  t.deepEqual(
    (await labels.instances()).map(row => row.labels.map(({value}) => value)),
    [['et2']],
  );
  await labels.register({instance: 'a:1', name: 'linkis-cg-entrance'}, {route: 'et2'});
  const {count} = {...file.prepare('select count(*) as count from linkis_ps_instance_label_relation').get()};
  t.is(count, 1);
});

test('what does not fit its column is refused, and nothing is stored', async t => {
  const {labels} = await freshDatabase(t);
  await t.throwsAsync(labels.register({instance: 'a:1', name: 'x'}, {route: 'e'.repeat(256)}), {
    name: 'ValueTooLongError',
    message: /The label route has 256 characters/,
  });
  await t.throwsAsync(labels.register({instance: 'a'.repeat(129), name: 'x'}, {}), {
    name: 'ValueTooLongError',
  });
  t.deepEqual(await labels.instances(), []);
});
