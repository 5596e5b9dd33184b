/** `tenon_shared_secret`: values all nodes share, such as the login RSA key. Written once. */
import {defineEntity} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function sharedSecretEntity(dialect: EntityDialect) {
  const {binaryCollation, longText} = columnDialect(dialect);
  return defineEntity({
    name: 'SharedSecret',
    tableName: 'tenon_shared_secret',
    properties: {
      name: {type: 'string', length: 64, primary: true, ...binaryCollation},
      content: {type: 'text', columnType: longText, ...binaryCollation},
    },
  });
}
