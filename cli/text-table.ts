/** Rows as columns of equal width, for people. */
export type TextTable = {readonly header: readonly string[]; readonly rows: readonly (readonly string[])[]};

const cellCharsMax = 80;
const gap = '  ';

/** Lines, each ending in a line feed; long cells are cut, and what would move the cursor is shown as it is written. */
export function printTable({header, rows}: TextTable, widths = widthsOf({header, rows})): string {
  return [header, ...rows].map(row => printRow(row, widths)).join('');
}

/** Widths that fit header and rows; rows printed later with the same widths stay in their columns, if they fit. */
export const widthsOf = ({header, rows}: TextTable): readonly number[] =>
  header.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, shown(row[column] ?? '').length), title.length),
  );

export const printRow = (row: readonly string[], widths: readonly number[]): string =>
  `${row
    .map((cell, column) => shown(cell).padEnd(widths[column] ?? 0))
    .join(gap)
    .trimEnd()}\n`;

function shown(cell: string): string {
  const plain = cell
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll(/\p{Cc}/gu, '\ufffd');
  return plain.length > cellCharsMax ? `${plain.slice(0, cellCharsMax - 1)}…` : plain;
}
