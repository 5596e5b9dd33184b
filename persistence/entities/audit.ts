/** `tenon_audit`: who changed what. Rows are added and never changed; see `actors/audit.ts`. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, longKey, type EntityDialect} from './column-dialect.ts';

export function auditEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  const text = (length: number) => ({type: 'string', length, ...binaryCollation}) as const;
  return defineEntity({
    name: 'Audit',
    tableName: 'tenon_audit',
    properties: {
      /** Counted by `tenon_audit_head`, without gaps. */
      id: longKey(dialect).primary().autoincrement(false).unsigned(false),
      entryId: {...text(64), unique: 'uniq_tenon_audit_entry'},
      atMs: p.bigint('number').unsigned(false).index('idx_tenon_audit_at'),
      userName: {...text(128), index: 'idx_tenon_audit_user'},
      action: {...text(64), index: 'idx_tenon_audit_action'},
      target: {...text(255), index: 'idx_tenon_audit_target'},
      outcome: text(16),
      address: text(64),
      requestId: text(64),
      node: text(128),
      beforeText: p.text(),
      afterText: p.text(),
      details: p.text(),
      chain: text(64),
    },
  });
}
