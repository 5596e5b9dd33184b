/** `linkis_ps_instance_label_relation`: which instance carries which label. No unique key, as in the seed: read distinct. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function instanceLabelRelationEntity(dialect: EntityDialect) {
  const {now, seedCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'InstanceLabelRelation',
    tableName: 'linkis_ps_instance_label_relation',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      labelId: p.integer().unsigned(false).nullable().comment('id reference linkis_ps_instance_label -> id'),
      serviceInstance: {
        type: 'string',
        length: 128,
        comment: 'structure like ${host|machine}:${port}',
        ...seedCollation,
      },
      updateTime: p.datetime(0).nullable().defaultRaw(now).comment('update unix timestamp'),
      createTime: p.datetime(0).nullable().defaultRaw(now).comment('create unix timestamp'),
    },
  });
}
