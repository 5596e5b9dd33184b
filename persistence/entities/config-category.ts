/** `linkis_ps_configuration_category`: what the console's settings page lists: creators, and engine types below them. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function configCategoryEntity(dialect: EntityDialect) {
  const {now, binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'ConfigCategory',
    tableName: 'linkis_ps_configuration_category',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      labelId: p.integer().unsigned(false).unique('uniq_label_id'),
      level: p.integer().unsigned(false),
      description: {type: 'string', length: 200, nullable: true, ...binaryCollation},
      tag: {type: 'string', length: 200, nullable: true, ...binaryCollation},
      updateTime: p.datetime(0).defaultRaw(now),
      createTime: p.datetime(0).defaultRaw(now),
    },
  });
}
