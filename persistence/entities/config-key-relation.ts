/** `linkis_ps_configuration_key_engine_relation`: which keys an engine type and version, or everything (`*-*,*-*`), has. */
import {defineEntity, p} from '@mikro-orm/core';
import {indexName, longKey, type EntityDialect} from './column-dialect.ts';

export const configKeyRelationEntity = (dialect: EntityDialect) =>
  defineEntity({
    name: 'ConfigKeyRelation',
    tableName: 'linkis_ps_configuration_key_engine_relation',
    properties: {
      id: longKey(dialect).primary().autoincrement().unsigned(false),
      configKeyId: p.bigint('number').unsigned(false),
      engineTypeLabelId: p.bigint('number').unsigned(false),
    },
    uniques: [
      {
        name: indexName(dialect, 'uniq_kid_lid', 'relation'),
        properties: ['configKeyId', 'engineTypeLabelId'],
      },
    ],
  });
