/** Settings of what happens to a submission before its job exists. Printed into `docs/configuration.md`. */
import type {SettingGroup, SettingValues} from './domain/setting.ts';

export const submissionSettings = {
  defaultCreator: {
    type: 'string',
    default: 'IDE',
    description:
      'Creator of a job whose submission names none. Linkis: wds.linkis.default.requestApplication.name.',
  },
  shellDangerCheck: {
    type: 'boolean',
    default: false,
    description:
      'Whether shell code with a word of shellDangerTokens is refused (50081). Linkis has it on, which refuses every loop' +
      ' (for) and every script that calls python or rm; turn it on where users may only run what is harmless. It guards' +
      ' against slips, it does not contain anybody.',
  },
  shellDangerTokens: {
    type: 'list',
    default: [
      'rm',
      'sh',
      'find',
      'kill',
      'python',
      'for',
      'source',
      'hdfs',
      'hadoop',
      'spark-sql',
      'spark-submit',
      'pyspark',
      'spark-shell',
      'hive',
      'yarn',
    ],
    max: 1000,
    description:
      'Words that shell code may not contain while shellDangerCheck is on. The default is the list of Linkis.',
  },
  scalaCodeCheck: {
    type: 'boolean',
    default: true,
    description:
      'Whether Scala code that would end its engine (sc.stop, System.exit …) is refused. Off: one such job ends the' +
      ' engine under the others. Linkis: wds.linkis.entrance.skip.auth, the other way round.',
  },
  pythonCodeCheck: {
    type: 'boolean',
    default: false,
    description:
      'Whether Python code with a call of pythonDangerousCalls is refused (20074). Linkis: linkis.python.safe.check.switch.',
  },
  pythonDangerousCalls: {
    type: 'list',
    default: [
      'sc.stop',
      'os.system',
      'os.popen',
      'os.kill',
      'os._exit',
      'sys.exit',
      'subprocess.run',
      'subprocess.call',
      'subprocess.Popen',
      'exec',
      'eval',
    ],
    max: 1000,
    description: 'Calls that Python code may not contain while pythonCodeCheck is on.',
  },
  variableSubstitution: {
    type: 'boolean',
    default: true,
    description:
      'Whether ${name} and &{pattern} are replaced in code. Names that nobody defined always stay as they are written.',
  },
  datePatternUsesTimeOfDay: {
    type: 'boolean',
    default: true,
    description:
      'Whether &{yyyy-MM-dd HH} shows the present hour, or midnight. Linkis: wds.linkis.variable.operation.use.now.',
  },
  sqlLimitCreators: {
    type: 'list',
    default: ['IDE'],
    max: 1000,
    description:
      'Creators whose selects get a row limit. Empty: none. Linkis: wds.linkis.sql.limit.creator, compared exactly here.',
  },
  sqlLimitRowsMax: {
    type: 'integer',
    default: 5000,
    min: 1,
    max: 1_000_000_000,
    unit: 'rows',
    description:
      'That limit. Too small: people miss rows without noticing. Too large: one careless select fills the disk. Linkis:' +
      ' wds.linkis.sql.default.limit.',
  },
  tenants: {
    type: 'list',
    default: [],
    max: 10_000,
    description:
      'Tenants of jobs without the label, each user-creator=tenant; * stands for any user or any creator. Looked up as' +
      ' user-creator, *-creator, user-*.',
  },
} as const satisfies SettingGroup;

export type SubmissionSettings = SettingValues<typeof submissionSettings>;
