/** `linkis_cg_manager_label`: labels that configuration (and, in Linkis, the manager) hangs something on. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function managerLabelEntity(dialect: EntityDialect) {
  const {now, binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'ManagerLabel',
    tableName: 'linkis_cg_manager_label',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      labelKey: {type: 'string', length: 32, ...binaryCollation},
      labelValue: {type: 'string', length: 255, ...binaryCollation},
      labelFeature: {type: 'string', length: 16, ...binaryCollation},
      labelValueSize: p.integer().unsigned(false),
      updateTime: p.datetime(0).defaultRaw(now),
      createTime: p.datetime(0).defaultRaw(now),
    },
    uniques: [{name: 'uniq_lk_lv', properties: ['labelKey', 'labelValue']}],
  });
}
