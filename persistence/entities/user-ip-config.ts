/** `linkis_cg_user_ip_config`: the addresses that submissions of a user and creator may come from. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, indexName, type EntityDialect} from './column-dialect.ts';

export function userIpConfigEntity(dialect: EntityDialect) {
  const {now, binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'UserIpConfig',
    tableName: 'linkis_cg_user_ip_config',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      user: {type: 'string', length: 50, ...binaryCollation},
      creator: {type: 'string', length: 50, ...binaryCollation},
      ipList: {type: 'text', ...binaryCollation},
      createTime: p.datetime(0).defaultRaw(now),
      updateTime: p.datetime(0).defaultRaw(now),
      desc: {type: 'string', length: 100, ...binaryCollation},
      bussinessUser: {type: 'string', length: 50, ...binaryCollation},
    },
    uniques: [{name: indexName(dialect, 'uniq_user_creator', 'ip'), properties: ['user', 'creator']}],
  });
}
