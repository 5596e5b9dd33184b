/** What SQL jobs find on MySQL and MariaDB. */
import type {ServerDialect} from './jdbc-suite.ts';

export const mysqlDialect: ServerDialect = {
  scheme: 'mysql',
  database: 'mysql',
  longQuery: 'select sleep(300) as tenon_long',
  processList: "select id as n from information_schema.processlist where info like 'select sleep(300)%'",
  connection: 'select connection_id() as n',
  others: "select id as n from information_schema.processlist where id <> connection_id() and user = 'tenon'",
  killOthers: rows => rows.map(([id]) => `kill ${id}`).join('; '),
  values: {
    sql: "select 9007199254740993 as a, cast(1.10 as decimal(5,2)) as b, 1.5e300 as c, date '2024-02-29' as d, timestamp '2024-02-29 12:00:00' as e, x'00ff' as f, 'ü' as g, null as h",
    columns: [
      'a bigint',
      'b decimal',
      'c double',
      'd date',
      'e timestamp',
      'f binary',
      'g string',
      'h string',
    ],
    row: ['9007199254740993', '1.10', '1.5e+300', '2024-02-29', '2024-02-29 12:00:00', '00ff', 'ü', null],
  },
  manyRows:
    'select a.n * 1000 + b.n as n from (with recursive c as (select 0 as n union all select n + 1 from c where n < 99) select n from c) a cross join (with recursive c as (select 0 as n union all select n + 1 from c where n < 999) select n from c) b',
  routine: {
    code: "use mysql; drop procedure if exists tenon_p;\ndelimiter //\ncreate procedure tenon_p() begin select 'a;' as x; select 2 as y; end//\ndelimiter ;\ncall tenon_p()",
    rows: [['2']],
  },
};
