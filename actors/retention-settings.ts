/** Settings of what is removed after a while. Printed into `docs/configuration.md`. */
import type {SettingGroup, SettingValues} from './domain/setting.ts';

const keepMsMax = 3_153_600_000_000;
const thirtyDaysMs = 2_592_000_000;

export const retentionSettings = {
  logsKeepMs: {
    type: 'duration',
    default: thirtyDaysMs,
    min: 0,
    max: keepMsMax,
    description:
      "How long a job's log is kept after the job's end. 0: for ever. Too short: people look for a log that is gone" +
      ' (they are told so); too long: the disk fills, and then jobs are ended because their log can not be written.',
  },
  resultsKeepMs: {
    type: 'duration',
    default: thirtyDaysMs,
    min: 0,
    max: keepMsMax,
    description: "How long a job's result sets are kept after the job's end. 0: for ever.",
  },
  historyKeepMs: {
    type: 'duration',
    default: 0,
    min: 0,
    max: keepMsMax,
    description:
      "How long the row of an ended job stays in the history. 0: for ever. The job's log and results go with its row" +
      ' at the latest.',
  },
  auditDays: {
    type: 'integer',
    default: 0,
    min: 0,
    max: 36_500,
    unit: 'days',
    description:
      'How long rows of the audit (who changed what; tenon audit) are kept. 0: for ever. They are removed in order, and what' +
      ' was removed is known by its last number and hash.',
  },
  archive: {
    type: 'boolean',
    default: false,
    description:
      "Whether rows of ended jobs are written to compressed files under the data directory's archive/ before they are" +
      ' removed from the history. What can not be written is not removed.',
  },
  archiveFiles: {
    type: 'boolean',
    default: false,
    description:
      'With `archive`: whether logs and results are kept there, too, compressed. Nothing removes them.',
  },
  everyMs: {
    type: 'duration',
    default: 3_600_000,
    min: 1000,
    max: 604_800_000,
    description: 'How often the node looks for what is due.',
  },
  jobsPerRoundMax: {
    type: 'integer',
    default: 1000,
    min: 1,
    max: 100_000,
    unit: 'jobs',
    description:
      'Logs, results and rows removed in one round, of each at most so many; a round that reached this is soon' +
      ' followed by the next. Larger rounds disturb running jobs more.',
  },
} as const satisfies SettingGroup;

export type RetentionPolicy = SettingValues<typeof retentionSettings>;
