import test from 'ava';
import fc from 'fast-check';
import {parseDatabaseUrl, printTarget} from '../../persistence/database-url.ts';

const parsed = test.macro({
  exec(t, url: string, expected: ReturnType<typeof parseDatabaseUrl>) {
    t.deepEqual(parseDatabaseUrl(url, '/data'), expected);
  },
  title: (_given, url: string) => `${url} is understood`,
});

test(parsed, 'sqlite:tenon.db', {type: 'sqlite', file: '/data/tenon.db'});
test(parsed, 'sqlite:../x/a b.db', {type: 'sqlite', file: '/x/a b.db'});
test(parsed, 'sqlite:/var/lib/t.db', {type: 'sqlite', file: '/var/lib/t.db'});
test(parsed, 'sqlite:///var/lib/t.db', {type: 'sqlite', file: '/var/lib/t.db'});
test(parsed, 'mysql://u:p%40ss%25@db.example:3307/tenon', {
  type: 'server',
  host: 'db.example',
  port: 3307,
  user: 'u',
  password: 'p@ss%',
  database: 'tenon',
});
test(parsed, 'mariadb://u@[::1]/tenon_1', {
  type: 'server',
  host: '::1',
  port: 3306,
  user: 'u',
  password: '',
  database: 'tenon_1',
});

const refused = test.macro({
  exec(t, url: string, reason: RegExp) {
    const error = t.throws(() => parseDatabaseUrl(url, '/data'), {name: 'DatabaseUrlError', message: reason});
    t.regex(error?.message ?? '', /Use sqlite:FILE, or mysql:/);
  },
  title: (_given, url: string) => `'${url}' is refused with the forms there are`,
});

test(refused, '', /has no scheme/);
test(refused, 'tenon.db', /has no scheme/);
test(refused, 'postgres://u:p@h/db', /starts with postgres:/);
test(refused, 'sqlite:', /names no file/);
test(refused, 'sqlite::memory:', /must outlive the process/);
test(refused, 'sqlite:file.db?mode=ro', /not a plain file/);
test(refused, 'mysql://h/db', /names no user/);
test(refused, 'mysql://u:p@h', /names no database/);
test(refused, 'mysql://u:p@h/a/b', /letters, digits/);
test(refused, 'mysql://u:p@h/db?ssl=1', /has options/);
test(refused, 'mysql://u:50%@h/db', /%25/);
test(refused, 'mysql://u:p@h:port/db', /can not be parsed/);

test('no password is ever printed', t => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-zA-Z0-9!*@:/?#%& ]{8,20}$/), password => {
      const url = `mysql://u:${encodeURIComponent(password)}@h/db`;
      t.is(printTarget(parseDatabaseUrl(url, '/')), 'mysql://u@h:3306/db');
      const broken = `mysql://u:${password}@h:x/db`;
      const error = t.throws(() => parseDatabaseUrl(broken, '/'));
      t.false(error?.message.includes(password));
    }),
  );
});
