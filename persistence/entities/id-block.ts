/** `tenon_id_block`: the next id that nobody has reserved yet. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function idBlockEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  return defineEntity({
    name: 'IdBlock',
    tableName: 'tenon_id_block',
    properties: {
      name: {type: 'string', length: 32, primary: true, ...binaryCollation},
      nextId: p.bigint('number').unsigned(false),
    },
  });
}
