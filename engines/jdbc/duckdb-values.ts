/** How DuckDB's types and values are named and written in a result set. */
import {DuckDBBlobValue, DuckDBDateValue, DuckDBTypeId} from '@duckdb/node-api';
import type {DuckDBDecimalType, DuckDBType, DuckDBValue} from '@duckdb/node-api';
import type {CellValue} from '../kit/task-context.ts';

const names: Partial<Record<DuckDBTypeId, string>> = {
  [DuckDBTypeId.BOOLEAN]: 'boolean',
  [DuckDBTypeId.TINYINT]: 'short',
  [DuckDBTypeId.UTINYINT]: 'short',
  [DuckDBTypeId.SMALLINT]: 'short',
  [DuckDBTypeId.USMALLINT]: 'int',
  [DuckDBTypeId.INTEGER]: 'int',
  [DuckDBTypeId.UINTEGER]: 'bigint',
  [DuckDBTypeId.BIGINT]: 'bigint',
  [DuckDBTypeId.UBIGINT]: 'decimal',
  [DuckDBTypeId.HUGEINT]: 'decimal',
  [DuckDBTypeId.UHUGEINT]: 'decimal',
  [DuckDBTypeId.FLOAT]: 'float',
  [DuckDBTypeId.DOUBLE]: 'double',
  [DuckDBTypeId.DATE]: 'date',
  [DuckDBTypeId.TIMESTAMP]: 'timestamp',
  [DuckDBTypeId.TIMESTAMP_S]: 'timestamp',
  [DuckDBTypeId.TIMESTAMP_MS]: 'timestamp',
  [DuckDBTypeId.TIMESTAMP_NS]: 'timestamp',
  [DuckDBTypeId.TIMESTAMP_TZ]: 'timestamp',
  [DuckDBTypeId.BLOB]: 'binary',
  [DuckDBTypeId.LIST]: 'array',
  [DuckDBTypeId.ARRAY]: 'array',
  [DuckDBTypeId.STRUCT]: 'struct',
  [DuckDBTypeId.MAP]: 'map',
};

/** Linkis' name; `string` for what Linkis has none for. */
export function typeNameOf(type: DuckDBType): string {
  if (isDecimal(type)) return `decimal(${type.width},${type.scale})`;
  return names[type.typeId] ?? 'string';
}

const isDecimal = (type: DuckDBType): type is DuckDBDecimalType => type.typeId === DuckDBTypeId.DECIMAL;

export type CellOf = (value: DuckDBValue) => CellValue;

/** How the values of one column are written: numbers and texts as they are, all else as DuckDB prints it. */
export function cellOf(type: DuckDBType): CellOf {
  switch (type.typeId) {
    case DuckDBTypeId.FLOAT:
      return value => (typeof value === 'number' ? floatText(value) : printed(value));
    case DuckDBTypeId.BLOB:
      return value =>
        value instanceof DuckDBBlobValue ? Buffer.from(value.bytes).toString('hex') : printed(value);
    case DuckDBTypeId.DATE:
      return printedDates();
    default:
      return printed;
  }
}

const datesMax = 10_000;

/** Columns of dates have few of them, and printing one takes longer than all else that is done to it. */
function printedDates(): CellOf {
  const known = new Map<number, CellValue>();
  return value => {
    if (!(value instanceof DuckDBDateValue)) return printed(value);
    const found = known.get(value.days);
    if (found !== undefined) return found;
    if (known.size > datesMax) known.clear();
    const text = printed(value);
    known.set(value.days, text);
    return text;
  };
}

function printed(value: DuckDBValue): CellValue {
  return typeof value === 'object' && value !== null ? value.toString() : value;
}

/** The shortest digits that mean the same four bytes: 0.1, not 0.10000000149011612. */
function floatText(value: number): CellValue {
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
