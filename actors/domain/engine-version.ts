/** The version of an engine type that is named without one (Linkis: `LabelCommonConfig`; Python is ours, 3). */
const defaultVersions: Readonly<Record<string, string>> = {
  shell: '1',
  python: 'python3',
  jdbc: '4',
  presto: '0.234',
  trino: '371',
  spark: '3.2.1',
  hive: '2.3.3',
  elasticsearch: '7.6.2',
  pipeline: '1',
  io_file: '1.0',
  flink: '1.16.2',
};

/** The run type of code for an engine type, where the old body form leaves it out. */
const naturalCodeTypes: Readonly<Record<string, string>> = {shell: 'shell', python: 'python'};

/** `1` for types we know nothing about: a version is part of the label's form, nobody looks at it. */
export const defaultVersionOf = (type: string): string =>
  Object.hasOwn(defaultVersions, type) ? (defaultVersions[type] ?? '1') : '1';

/** Linkis always takes `sql`, also for a shell. */
export const defaultCodeTypeOf = (type: string): string =>
  Object.hasOwn(naturalCodeTypes, type) ? (naturalCodeTypes[type] ?? 'sql') : 'sql';
