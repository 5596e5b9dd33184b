/** `tenon_token`: what Linkis' token table has no column for. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function tokenEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'Token',
    tableName: 'tenon_token',
    properties: {
      /** That of `linkis_mg_gateway_auth_token`. */
      id: p.integer().primary().autoincrement(false).unsigned(false),
      hint: {type: 'string', length: 16, ...binaryCollation},
      isAdmin: p.tinyint().unsigned(false).default(0),
      createdMs: p.bigint('number').unsigned(false),
    },
  });
}
