import {mysqlDialect} from './jdbc-mysql-dialect.ts';
import {jdbcSuite} from './jdbc-suite.ts';

jdbcSuite('mariadb', {...mysqlDialect, scheme: 'mariadb'});
