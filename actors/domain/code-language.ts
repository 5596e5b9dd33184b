/**
 * Which language a run type is written in (Linkis: `CodeAndRunTypeUtils`). Checks go by the language: how `@set` lines
 * look, whether comments are removed, whether a row limit applies.
 */
export type CodeLanguage = 'sql' | 'python' | 'java' | 'scala' | 'shell' | 'json';

const runTypes: Readonly<Record<CodeLanguage, readonly string[]>> = {
  sql: [
    'sql',
    'hql',
    'jdbc',
    'hive',
    'psql',
    'fql',
    'tsql',
    'isql',
    'nebula',
    'ngql',
    'aisql',
    'starrocks',
    'doris',
  ],
  python: ['python', 'py', 'pyspark', 'py3', 'python3', 'python2'],
  java: ['java'],
  scala: ['scala'],
  shell: ['shell', 'sh'],
  json: ['json', 'data_calc'],
};

const languages = new Map(
  Object.entries(runTypes).flatMap(([language, types]) =>
    types.map(type => [type, language as CodeLanguage] as const),
  ),
);

/** Undefined for a run type we know nothing about; then the checks that need a language are passed over. */
export const languageOf = (codeType: string): CodeLanguage | undefined =>
  languages.get(codeType.toLowerCase());
