/** `linkis_ps_instance_label`: the labels that service instances carry, as the seed has it. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function instanceLabelEntity(dialect: EntityDialect) {
  const {now, seedCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'InstanceLabel',
    tableName: 'linkis_ps_instance_label',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      labelKey: {type: 'string', length: 32, comment: 'string key', ...seedCollation},
      labelValue: {type: 'string', length: 255, comment: 'string value', ...seedCollation},
      labelFeature: {
        type: 'string',
        length: 16,
        comment: 'store the feature of label, but it may be redundant',
        ...seedCollation,
      },
      labelValueSize: p.integer().unsigned(false).comment('size of key -> value map'),
      updateTime: p.datetime(0).defaultRaw(now).comment('update unix timestamp'),
      createTime: p.datetime(0).defaultRaw(now).comment('update unix timestamp'),
    },
    uniques: [{name: 'label_key_value', properties: ['labelKey', 'labelValue']}],
  });
}
