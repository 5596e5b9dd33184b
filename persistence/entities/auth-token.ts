/**
 * `linkis_mg_gateway_auth_token` (Linkis' own columns, contract 8.3). `token_name` holds `sha256:` and the token's hash
 * in hex: a copy of the table opens nothing.
 */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function authTokenEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'AuthToken',
    tableName: 'linkis_mg_gateway_auth_token',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      tokenName: {type: 'string', length: 128, unique: 'uniq_token_name', ...binaryCollation},
      tokenSign: {type: 'text', nullable: true, ...binaryCollation},
      legalUsers: {type: 'text', nullable: true, ...binaryCollation},
      legalHosts: {type: 'text', nullable: true, ...binaryCollation},
      businessOwner: {type: 'string', length: 32, nullable: true, ...binaryCollation},
      createTime: p.date().nullable(),
      updateTime: p.date().nullable(),
      elapseDay: p.bigint('number').unsigned(false).nullable(),
      updateBy: {type: 'string', length: 32, nullable: true, ...binaryCollation},
    },
  });
}
