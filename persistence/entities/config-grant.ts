/** `tenon_configuration_grant`: values that an administrator gave, which their users can't change back. */
import {defineEntity} from '@mikro-orm/core';
import {columnDialect, longKey, type EntityDialect} from './column-dialect.ts';

export function configGrantEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'ConfigGrant',
    tableName: 'tenon_configuration_grant',
    properties: {
      valueId: longKey(dialect).primary().autoincrement(false).unsigned(false),
      grantedBy: {type: 'string', length: 50, ...binaryCollation},
    },
  });
}
