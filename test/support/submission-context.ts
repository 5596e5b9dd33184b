/** A submission's surroundings, with everything at its default, for tests of parsing, checks and intake. */
import type {JobDraft} from '../../actors/checks/job-draft.ts';
import {defaultsOf} from '../../actors/domain/setting.ts';
import type {IntakeContext} from '../../actors/job-intake.ts';
import {submissionSettings, type SubmissionSettings} from '../../actors/submission-settings.ts';

export const hadoop = {
  user: 'hadoop',
  isAdmin: false,
  hasAdminToken: false,
  address: '192.0.2.7',
  requestId: 'request-1',
};

/** Friday, 1 May 2026, 10:20:30 in Berlin. */
export const intakeContext: IntakeContext = {
  caller: hadoop,
  nowMs: Date.parse('2026-05-01T08:20:30Z'),
  timeZone: 'Europe/Berlin',
  knownEngineTypes: ['shell', 'python', 'jdbc'],
  submissionBytesMax: 5_000_000,
  jobAttemptsMax: 3,
  jobRetryDelayMs: 5000,
  settings: defaultsOf(submissionSettings),
  self: {instance: '127.0.0.1:9001', incarnation: 'inc1'},
  dataDirectory: '/var/lib/tenon',
};

export const withSettings = (settings: Partial<SubmissionSettings>): IntakeContext => ({
  ...intakeContext,
  settings: {...intakeContext.settings, ...settings},
});

export const shellDraft: JobDraft = {
  submitUser: 'hadoop',
  executeUser: 'hadoop',
  creator: 'IDE',
  engineType: {type: 'shell', version: '1'},
  codeType: 'shell',
  code: 'echo hello',
  labels: {engineType: 'shell-1', userCreator: 'hadoop-IDE', codeType: 'shell'},
  params: {},
  tenant: '',
  logLines: [],
};

export const sqlDraft: JobDraft = {
  ...shellDraft,
  engineType: {type: 'jdbc', version: '4'},
  codeType: 'sql',
  code: 'select 1',
  labels: {engineType: 'jdbc-4', userCreator: 'hadoop-IDE', codeType: 'sql'},
};

/** The new body form as the console sends it. */
export const shellBody = (extra: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  executionContent: {code: 'echo hello', runType: 'shell'},
  params: {variable: {}, configuration: {startup: {}, runtime: {}, special: {}}},
  labels: {engineType: 'shell-1', userCreator: 'hadoop-IDE'},
  source: {scriptPath: '/x/y.sh'},
  ...extra,
});
