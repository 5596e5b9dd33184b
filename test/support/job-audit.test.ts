import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {doubleEnds, openJobAudit, takeOversMs} from './job-audit.ts';

test('triggers tell of second ends, of what follows an end, and of changes of owners', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-audit-'));
  t.teardown(() => rmSync(directory, {recursive: true}));
  const file = join(directory, 'test.db');
  const database = new DatabaseSync(file);
  database.exec(
    'create table linkis_ps_job_history_group_history (id integer, status text, instances text, progress text)',
  );
  const audit = await openJobAudit(`sqlite:${file}`);
  const insert = (id: number, owner: string): void =>
    void database
      .prepare(`insert into linkis_ps_job_history_group_history values (?, 'Inited', ?, '0')`)
      .run(id, owner);
  const update = (id: number, set: string) =>
    database.exec(`update linkis_ps_job_history_group_history set ${set} where id = ${id}`);
  for (const id of [1, 2, 3]) insert(id, 'a:1#life#1');
  update(1, `status = 'Succeed'`);
  update(1, `progress = '1'`);
  update(1, `status = 'Succeed', instances = 'b:1#other#2'`);
  t.deepEqual(doubleEnds(await audit.changes()), []);
  update(2, `status = 'Failed'`);
  update(2, `status = 'Running'`);
  update(3, `status = 'Succeed'`);
  update(3, `status = 'Failed'`);
  const changes = await audit.changes();
  t.deepEqual(doubleEnds(changes), [2, 3]);
  t.is(changes.filter(({taskID}) => taskID === 1).length, 3);
  t.is(takeOversMs(changes, 'a:1', 0).length, 1);
  t.is(takeOversMs(changes, 'a:11', 0).length, 0);
  t.is(takeOversMs(changes, 'a:1', Date.now() + 1000).length, 0);
  await audit.close();
  database.close();
});
