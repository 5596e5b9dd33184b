/** `linkis_ps_common_lock`: leases of nodes and singletons; see `lease-store.ts` for what stands in which column. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function commonLockEntity(dialect: EntityDialect) {
  const {now, longText, seedCollation, binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'CommonLock',
    tableName: 'linkis_ps_common_lock',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      lockObject: {type: 'string', length: 255, nullable: true, unique: 'uniq_lock_object', ...seedCollation},
      locker: {type: 'string', length: 255, nullable: true, comment: 'locker', ...binaryCollation},
      timeOut: {type: 'text', columnType: longText, nullable: true, ...seedCollation},
      updateTime: p.datetime(0).nullable().defaultRaw(now),
      createTime: p.datetime(0).nullable().defaultRaw(now),
    },
  });
}
