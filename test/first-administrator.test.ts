import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {defaultsOf} from '../actors/domain/setting.ts';
import {systemClock} from '../actors/runtime/clock.ts';
import {systemRandom} from '../actors/runtime/random.ts';
import {firstAdministrator} from '../first-administrator.ts';
import {nodeSettings} from '../node-options.ts';
import {openDatabase} from '../persistence/database.ts';
import {verifyPassword} from '../persistence/password.ts';

test('of several nodes that start on an empty database one makes the administrator, whose password then works', async t => {
  const root = await mkdtemp(join(tmpdir(), 'tenon-first-'));
  t.teardown(() => rm(root, {recursive: true, force: true}));
  const open = async () =>
    openDatabase({
      url: `sqlite:${join(root, 'shared.db')}`,
      dataDirectory: root,
      clock: systemClock,
      random: systemRandom,
      log: () => undefined,
    });
  const databases = [await open(), await open(), await open()];
  t.teardown(() => Promise.all(databases.map(database => database.close())));
  const node = defaultsOf(nodeSettings);
  const directories = await Promise.all(databases.map(async () => mkdtemp(join(root, 'data-'))));
  const made = await Promise.all(
    databases.map(({accounts}, index) =>
      firstAdministrator(
        accounts,
        undefined,
        {node, dataDirectory: directories[index] ?? ''},
        {incarnation: `life-${index}`, clock: systemClock},
      ),
    ),
  );
  const [only, ...others] = made.filter(each => each !== undefined);
  t.deepEqual(others, []);
  const directory = directories[made.indexOf(only)] ?? '';
  t.true((await readFile(join(directory, 'credentials'), 'utf8')).includes(only?.password ?? '?'));
  const stored = await databases[0]?.accounts.user(node.adminUser);
  t.true(await verifyPassword(only?.password ?? '', stored?.passwordHash));
});
