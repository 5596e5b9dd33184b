import {jdbcSuite} from './jdbc-suite.ts';

jdbcSuite('postgres', {
  scheme: 'postgresql',
  database: 'postgres',
  longQuery: 'select pg_sleep(300) as tenon_long',
  processList:
    "select pid as n from pg_stat_activity where state = 'active' and query like 'select pg_sleep(300)%'",
  connection: 'select pg_backend_pid() as n',
  others:
    "select pid as n from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
  killOthers: rows => rows.map(([pid]) => `select pg_terminate_backend(${pid})`).join('; '),
  values: {
    sql: "select true as a, 9007199254740993 as b, 1.10::numeric(5,2) as c, 1.5e300::float8 as d, date '2024-02-29' as e, timestamp '2024-02-29 12:00:00.5' as f, '\\x00ff'::bytea as g, 'ü' as h, null as i, array[1,2] as j, '{\"a\":1}'::jsonb as k",
    columns: [
      'a boolean',
      'b bigint',
      'c decimal',
      'd double',
      'e date',
      'f timestamp',
      'g binary',
      'h string',
      'i string',
      'j string',
      'k string',
    ],
    row: [
      'true',
      '9007199254740993',
      '1.10',
      '1.5e+300',
      '2024-02-29',
      '2024-02-29 12:00:00.5',
      '00ff',
      'ü',
      null,
      '{1,2}',
      '{"a": 1}',
    ],
  },
  manyRows: 'select n from generate_series(1, 100000) n',
  routine: {
    code: "do $x$ begin perform 1; raise notice 'seen;'; end $x$; create or replace function pg_temp.f() returns int language sql begin atomic select 1; select 2; end; select pg_temp.f() as f",
    rows: [['2']],
  },
});
