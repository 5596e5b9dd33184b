/** `linkis_ps_configuration_config_value`: the value of a key under a label, which says for whom it holds. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, longKey, type EntityDialect} from './column-dialect.ts';

export function configValueEntity(dialect: EntityDialect) {
  const {now, binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'ConfigValue',
    tableName: 'linkis_ps_configuration_config_value',
    properties: {
      id: longKey(dialect).primary().autoincrement().unsigned(false),
      configKeyId: p.bigint('number').unsigned(false).nullable(),
      configValue: {type: 'string', length: 500, nullable: true, ...binaryCollation},
      configLabelId: p.integer().unsigned(false).nullable(),
      updateTime: p.datetime(0).defaultRaw(now),
      createTime: p.datetime(0).defaultRaw(now),
    },
    uniques: [{name: 'uniq_kid_lid', properties: ['configKeyId', 'configLabelId']}],
  });
}
