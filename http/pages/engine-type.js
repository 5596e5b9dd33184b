/** Engine types as labels name them: with a version, here always the one that a type without one stands for. */

const defaults = new Map([
  ['shell', '1'],
  ['python', 'python3'],
  ['jdbc', '4'],
  ['presto', '0.234'],
  ['trino', '371'],
  ['spark', '3.2.1'],
  ['hive', '2.3.3'],
  ['elasticsearch', '7.6.2'],
  ['pipeline', '1'],
  ['io_file', '1.0'],
  ['flink', '1.16.2'],
]);

/** @param {string} type */
export const versionOf = type => defaults.get(type) ?? '1';

/** `shell-1`; what has a version keeps it. @param {string} type */
export const labelOf = type => (type.includes('-') ? type : `${type}-${versionOf(type)}`);
