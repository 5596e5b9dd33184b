/** `linkis_cg_tenant_label_config`: the tenant that jobs of a user and creator belong to. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, indexName, type EntityDialect} from './column-dialect.ts';

export function tenantLabelConfigEntity(dialect: EntityDialect) {
  const {now, binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'TenantLabelConfig',
    tableName: 'linkis_cg_tenant_label_config',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      user: {type: 'string', length: 50, ...binaryCollation},
      creator: {type: 'string', length: 50, ...binaryCollation},
      tenantValue: {type: 'string', length: 128, ...binaryCollation},
      createTime: p.datetime(0).defaultRaw(now),
      updateTime: p.datetime(0).defaultRaw(now),
      desc: {type: 'string', length: 100, ...binaryCollation},
      bussinessUser: {type: 'string', length: 50, ...binaryCollation},
      isValid: {type: 'string', length: 1, default: 'Y', ...binaryCollation},
    },
    uniques: [{name: indexName(dialect, 'uniq_user_creator', 'tenant'), properties: ['user', 'creator']}],
  });
}
