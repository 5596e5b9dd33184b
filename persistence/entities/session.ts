/** `tenon_session`: sessions that any gateway knows. Holds hashes of tickets only. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function sessionEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'Session',
    tableName: 'tenon_session',
    properties: {
      ticketHash: {type: 'string', length: 64, primary: true, ...binaryCollation},
      userName: {type: 'string', length: 50, index: 'idx_tenon_session_user', ...binaryCollation},
      createdMs: p.bigint('number').unsigned(false),
      lastAccessMs: p.bigint('number').unsigned(false).index('idx_tenon_session_last_access'),
    },
  });
}
