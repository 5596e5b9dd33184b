/** `tenon_audit_head`: where the audit's chain begins and ends; its row is the lock under which rows are added. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function auditHeadEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'AuditHead',
    tableName: 'tenon_audit_head',
    properties: {
      name: {type: 'string', length: 16, primary: true, ...binaryCollation},
      lastId: p.bigint('number').unsigned(false),
      lastChain: {type: 'string', length: 64, ...binaryCollation},
      /** The last row that retention has removed. */
      removedId: p.bigint('number').unsigned(false),
      removedChain: {type: 'string', length: 64, ...binaryCollation},
    },
  });
}
