/** `linkis_ps_configuration_config_key`: what can be configured, globally (blank engine type) or for one engine type. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, flagColumn, longKey, type EntityDialect} from './column-dialect.ts';

export function configKeyEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  const text = (length: number) => ({type: 'string' as const, length, nullable: true, ...binaryCollation});
  return defineEntity({
    name: 'ConfigKey',
    tableName: 'linkis_ps_configuration_config_key',
    properties: {
      id: longKey(dialect).primary().autoincrement().unsigned(false),
      key: text(50),
      description: text(200),
      name: text(50),
      defaultValue: text(200),
      validateType: text(50),
      validateRange: text(150),
      engineConnType: {...text(50), default: ''},
      isHidden: flagColumn(dialect),
      isAdvanced: flagColumn(dialect),
      level: flagColumn(dialect),
      treeName: {...text(20), fieldName: 'treeName'},
      boundaryType: p.tinyint().unsigned(false).default(0),
      enDescription: text(200),
      enName: text(100),
      enTreeName: {...text(100), fieldName: 'en_treeName'},
      templateRequired: {...flagColumn(dialect), default: 0},
    },
    uniques: [{name: 'uniq_key_ectype', properties: ['key', 'engineConnType']}],
  });
}
