/** What a SQL job's parameters say about its database. */
import test from 'ava';
import {placeOf, sqlSettings} from '../../engines/jdbc/connection-settings.ts';
import {hidden} from '../../engines/jdbc/secret-text.ts';

const url = 'wds.linkis.jdbc.connect.url';
const user = 'wds.linkis.jdbc.username';
const password = 'wds.linkis.jdbc.password';
const datasource = 'wds.linkis.engine.runtime.datasource';

test('without any setting it is DuckDB in memory, with Linkis’ limits', t => {
  t.deepEqual(sqlSettings({}, {}), {
    connection: {kind: 'duckdb', file: ':memory:'},
    ignored: [],
    rowsMax: 5000,
    bytesMax: 1024 ** 3,
    statementTimeoutMs: 1_800_000,
  });
});

test('a JDBC URL, its parameters, and what stands beside it', t => {
  const {connection, ignored} = sqlSettings(
    {
      [url]: 'jdbc:mysql://db.example:3307/sales?useSSL=true&user=x&rewriteBatchedStatements=true',
      [user]: 'alice',
      [password]: 'p&ss%w',
    },
    {},
  );
  t.deepEqual(connection, {
    kind: 'mysql',
    host: 'db.example',
    port: 3307,
    database: 'sales',
    user: 'alice',
    password: 'p&ss%w',
    tls: 'unverified',
  });
  t.deepEqual(ignored, ['rewritebatchedstatements']);
  t.is(placeOf(connection), 'MySQL at db.example:3307');
});

for (const [text, expected] of [
  [
    'postgresql://bob:s%40cret@h/d?sslmode=verify-full',
    {
      kind: 'postgres',
      host: 'h',
      port: 5432,
      database: 'd',
      user: 'bob',
      password: 's@cret',
      tls: 'verified',
    },
  ],
  [
    'jdbc:postgresql://[::1]:6543/d',
    {kind: 'postgres', host: '::1', port: 6543, database: 'd', user: '', password: '', tls: 'off'},
  ],
  [
    'jdbc:mariadb://h',
    {kind: 'mysql', host: 'h', port: 3306, database: '', user: '', password: '', tls: 'off'},
  ],
  ['jdbc:sqlite:/data/a b.db', {kind: 'sqlite', file: '/data/a b.db'}],
  ['jdbc:sqlite::memory:', {kind: 'sqlite', file: ':memory:'}],
  ['jdbc:duckdb:', {kind: 'duckdb', file: ':memory:'}],
  ['duckdb:rel.duckdb', {kind: 'duckdb', file: 'rel.duckdb'}],
] as const) {
  test(`the URL ${text}`, t => {
    t.deepEqual(sqlSettings({[url]: text}, {}).connection, expected);
  });
}

for (const [what, params, code, message] of [
  ['a user without a URL', {[user]: 'x'}, 26010, /a user name was given, but no URL/],
  ['an unknown driver', {[url]: 'jdbc:oracle://h/x?password=hush'}, 26012, /no driver for oracle/],
  ['no URL at all', {[url]: 'hush'}, 26012, /it has no scheme/],
  ['no host', {[url]: 'mysql:///db'}, 26012, /names no host/],
  ['a bad port', {[url]: 'mysql://h:99999/db'}, 26012, /malformed/],
  ['an unknown data source', {[datasource]: 'nope'}, 26011, /no data source nope here. Known are: sales/],
  [
    'a limit that is no number',
    {'wds.linkis.jdbc.default.limit': 'many'},
    26017,
    /jdbc\.default\.limit must be a whole number/,
  ],
  ['a URL that is no text', {[url]: {a: 1}}, 26017, /connect\.url must be a text/],
] as const) {
  test(`${what} is refused, without a word of the password`, t => {
    const error = t.throws(() =>
      sqlSettings(params, {'wds.linkis.jdbc.datasource.sales.url': 'jdbc:sqlite:x'}),
    );
    t.is((error as {code?: unknown}).code, code);
    t.regex(error.message, message);
    t.notRegex(error.message, /hush/);
  });
}

test('runtime parameters go before the data source they name, and that before the node’s configuration', t => {
  const properties = {
    [url]: 'mysql://node/db',
    [user]: 'node',
    [password]: 'of-node',
    'wds.linkis.jdbc.datasource.sales.url': 'mysql://sales/db',
    'wds.linkis.jdbc.datasource.sales.password': 'of-sales',
    'wds.linkis.jdbc.default.limit': '7',
  };
  const hostAndUser = (params: Record<string, string>) => {
    const {connection, rowsMax} = sqlSettings(params, properties);
    return 'host' in connection ? [connection.host, connection.user, connection.password, rowsMax] : [];
  };
  t.deepEqual(hostAndUser({[url]: ''}), ['node', 'node', 'of-node', 7]);
  t.deepEqual(hostAndUser({[datasource]: 'sales'}), ['sales', '', 'of-sales', 7]);
  t.deepEqual(hostAndUser({[datasource]: 'sales', [user]: 'me'}), ['sales', 'me', '', 7]);
  // Whoever chooses the host must not be sent a password that is not theirs.
  t.deepEqual(hostAndUser({[url]: 'mysql://evil/'}), ['evil', '', '', 7]);
  t.deepEqual(hostAndUser({[url]: 'mysql://evil/', [datasource]: 'sales'}), ['evil', '', '', 7]);
});

test('a password is hidden in other people’s text, also as a URL holds it', t => {
  t.is(hidden('no p@ss here: p%40ss', 'p@ss'), 'no *** here: ***');
  t.is(hidden('nothing to hide', ''), 'nothing to hide');
});
