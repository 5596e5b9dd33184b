/** `tenon audit` against a real facade, `tenon audit verify` and what other commands note on a real database. */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir, userInfo} from 'node:os';
import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test, {type ExecutionContext} from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {exitCodes} from '../../cli/exit-code.ts';
import {openDatabase} from '../../persistence/database.ts';
import {runClient} from '../support/client-run.ts';
import {startFacade} from '../support/facade-world.ts';
import {auditEntry, createMemoryAudit} from '../support/memory-audit.ts';

const as = (url: string, name: string) => ({
  environment: {TENON_URL: url, TENON_USER: name, TENON_PASSWORD: `pw-${name}`},
});

async function openPlace(t: ExecutionContext) {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-audit-'));
  t.teardown(() => rmSync(directory, {recursive: true, force: true}));
  const database = await openDatabase({
    url: 'sqlite:tenon.db',
    dataDirectory: directory,
    log: () => undefined,
    clock: systemClock,
  });
  await database.close();
  return {
    run: (...argv: readonly string[]) => runClient('', [...argv, '--data', directory], {environment: {}}),
    execute(sql: string): readonly Record<string, unknown>[] {
      const file = new DatabaseSync(join(directory, 'tenon.db'));
      try {
        return file.prepare(sql).all();
      } finally {
        file.close();
      }
    },
    secretFile(text: string): string {
      const path = join(directory, 'secret');
      writeFileSync(path, text);
      return path;
    },
  };
}

test('people and tokens that are changed on the database are noted, as the account of the system, without secrets', async t => {
  const {run, execute, secretFile} = await openPlace(t);
  await run('user', 'add', 'root', '--admin', '--password-file', secretFile('a long password'));
  const made = await run('user', 'add', 'bob', '--tenant', 'blue');
  const changed = await run('user', 'password', 'bob');
  await run('user', 'remove', 'bob');
  const token = await run('token', 'add', '--user', 'eve', '--owner', 'BDP');
  await run('token', 'revoke', '1');
  await run('user', 'list');
  await run('user', 'remove', 'root');
  const rows = execute('select * from tenon_audit order by id');
  const {username} = userInfo();
  t.deepEqual(
    rows.map(row => [row['user_name'], row['action'], row['target'], row['before_text'], row['after_text']]),
    [
      [`os:${username}`, 'userAdded', 'user:root', '', '{"isAdmin":true,"tenant":""}'],
      [`os:${username}`, 'userAdded', 'user:bob', '', '{"isAdmin":false,"tenant":"blue"}'],
      [`os:${username}`, 'passwordChanged', 'user:bob', '', ''],
      [`os:${username}`, 'userRemoved', 'user:bob', '{"isAdmin":false,"tenant":"blue"}', ''],
      [
        `os:${username}`,
        'tokenAdded',
        'token:1',
        '',
        '{"isAdmin":false,"legalUsers":["eve"],"legalHosts":["*"],"businessOwner":"BDP","elapseDay":-1}',
      ],
      [`os:${username}`, 'tokenRevoked', 'token:1', rows[5]?.['before_text'], ''],
    ],
  );
  t.regex(String(rows[5]?.['before_text']), /"legalUsers":\["eve"\]/);
  const text = JSON.stringify(rows);
  const secrets = [/password (\S+)/.exec(made.stdout)?.[1], /password (\S+)/.exec(changed.stdout)?.[1]];
  for (const secret of [...secrets, /: (\S+)/.exec(token.stdout)?.[1], 'a long password']) {
    t.true(secret !== undefined && secret.length > 8);
    t.false(text.includes(secret ?? ''), 'a secret is in the audit');
  }
});

test('a whole record verifies, a row that was edited does not, and neither does one that was written anew', async t => {
  const {run, execute} = await openPlace(t);
  t.is((await run('audit', 'verify')).stdout, '0 rows are as they were written\n');
  await run('user', 'add', 'bob');
  await run('user', 'add', 'eve');
  const whole = await run('audit', 'verify');
  t.is(whole.code, 0);
  const known = /^2 rows are as they were written; the newest is (2:[0-9a-f]{64})\n$/.exec(whole.stdout)?.[1];
  t.truthy(known);
  await run('user', 'remove', 'eve');
  t.is((await run('audit', 'verify', '--known', known ?? '')).code, 0);
  t.like(JSON.parse((await run('audit', 'verify', '--json')).stdout), {type: 'intact', rows: 3});
  execute("update tenon_audit set user_name = 'os:nobody' where id = 2");
  const edited = await run('audit', 'verify');
  t.is(edited.code, exitCodes.refused);
  t.regex(edited.stderr, /not whole: row 2 is not as it was written/);
  t.is((await run('audit', 'verify', '--known', 'nonsense')).code, exitCodes.usage);
  const other = await openPlace(t);
  await other.run('user', 'add', 'carl');
  await other.run('user', 'add', 'dave');
  const anew = await other.run('audit', 'verify', '--known', known ?? '');
  t.is(anew.code, exitCodes.refused);
  t.regex(anew.stderr, /has another hash than the one remembered/);
});

test('the list shows rows as a table and as JSON, filtered', async t => {
  const auditStore = createMemoryAudit();
  await auditStore.append([
    auditEntry('w-1', {
      user: 'bob',
      target: 'b:9104',
      action: 'drain',
      at: Date.parse('2026-05-01T10:00:00'),
    }),
    auditEntry('w-2', {at: Date.parse('2026-05-02T10:00:00')}),
  ]);
  const {url} = await startFacade(t, {}, systemClock, {auditStore});
  const run = (...argv: readonly string[]) => runClient(url, ['audit', ...argv], as(url, 'root'));
  const {code, stdout} = await run();
  t.is(code, 0);
  const lines = stdout.trimEnd().split('\n');
  t.is(lines.length, 3);
  t.regex(lines[0] ?? '', /^ID +WHEN +WHO +ACTION +TARGET +OUTCOME +BEFORE +AFTER +FROM$/);
  t.regex(
    lines[1] ?? '',
    /^2 +2026-05-02 10:00:00 +alice +kill +job:7 +done +\{"status":"Running"\} +\{"status":"Cancelled"\} +192\.0\.2\.1$/,
  );
  const filtered = JSON.parse((await run('list', '--by', 'bob', '--json')).stdout) as {entries: object[]};
  t.is(filtered.entries.length, 1);
  t.like(filtered.entries[0], {id: 1, target: 'b:9104'});
  t.regex((await run('--since', '2026-05-01T12:00:00')).stdout, /^ID.*\n2 .*\n$/);
  t.regex((await run('--until', '2026-05-01T12:00:00')).stdout, /^ID.*\n1 .*\n$/);
  t.regex((await run('--size', '1', '--page', '2')).stdout, /^ID.*\n1 .*\n$/);
  t.is((await run('--since', 'yesterday')).code, exitCodes.usage);
});

test('who is no administrator is told so', async t => {
  const {url} = await startFacade(t, {}, systemClock, {auditStore: createMemoryAudit()});
  const {code, stdout, stderr} = await runClient(url, ['audit'], as(url, 'alice'));
  t.is(code, exitCodes.refused);
  t.is(stdout, '');
  t.regex(stderr, /only admin can do this/);
});
