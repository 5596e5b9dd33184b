/** `linkis_ps_instance_info`: one row a node, as the seed has it. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function instanceInfoEntity(dialect: EntityDialect) {
  const {now, seedCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'InstanceInfo',
    tableName: 'linkis_ps_instance_info',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      instance: {
        type: 'string',
        length: 128,
        nullable: true,
        unique: 'instance',
        comment: 'structure like ${host|machine}:${port}',
        ...seedCollation,
      },
      name: {
        type: 'string',
        length: 128,
        nullable: true,
        comment: 'equal application name in registry',
        ...seedCollation,
      },
      updateTime: p.datetime(0).nullable().defaultRaw(now).comment('update unix timestamp'),
      createTime: p.datetime(0).nullable().defaultRaw(now).comment('create unix timestamp'),
    },
  });
}
