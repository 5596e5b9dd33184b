/** `tenon_user`: who may log in. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function userEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'User',
    tableName: 'tenon_user',
    properties: {
      name: {type: 'string', length: 50, primary: true, ...binaryCollation},
      isAdmin: p.tinyint().unsigned(false).default(0),
      tenant: {type: 'string', length: 50, ...binaryCollation},
      /** See `password.ts`. */
      passwordHash: {type: 'string', length: 255, ...binaryCollation},
    },
  });
}
