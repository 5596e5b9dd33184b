/** Settings of the governance actors: queues, engines, retention of what they produce. Printed into `docs/configuration.md`. */
import type {SettingGroup} from './domain/setting.ts';

export const governanceSettings = {
  groupRunningMax: {
    type: 'integer',
    default: 10,
    min: 1,
    max: 10_000,
    unit: 'jobs',
    description:
      'Jobs of one user, creator and engine type that run at a time. Linkis: wds.linkis.rm.instance. Too small' +
      ' leaves engines idle, too large lets one group take them all.',
  },
  groupWaitingMax: {
    type: 'integer',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: 'jobs',
    description:
      'Jobs of one group that may wait; a further submission is refused with 12001. Linkis allows 1,000.',
  },
  residentJobsMax: {
    type: 'integer',
    default: 10_000,
    min: 10,
    max: 1_000_000,
    unit: 'jobs',
    description:
      'Unfinished jobs that keep an actor in memory (about 4 KB each). Others wait as an id in their queue, and' +
      ' are read back from their row when their turn comes.',
  },
  enginesMax: {
    type: 'integer',
    default: 16,
    min: 1,
    max: 10_000,
    unit: 'engines',
    description:
      'Engine processes on this node. A shell engine takes about 12 MB, a Python engine 25 MB and what its code uses.',
  },
  enginesPerUserMax: {
    type: 'integer',
    default: 10,
    min: 1,
    max: 10_000,
    unit: 'engines',
    description: 'Engine processes of one user on this node.',
  },
  engineTypeMax: {
    type: 'list',
    default: [],
    max: 100,
    description:
      'Engine processes of a type in the whole cluster, each type=number, such as python=20; others are not limited. Jobs beyond' +
      ' it wait, and tenon why says so. Give it alike to every node that may be the manager.',
  },
  engineIdleMs: {
    type: 'duration',
    default: 600_000,
    min: 1000,
    max: 86_400_000,
    description:
      'How long an engine without a job is kept for the next one of its user. Too short: every job pays for a' +
      ' start, and Python state is lost. Too long: memory is held for nobody.',
  },
  engineLaunchTimeoutMs: {
    type: 'duration',
    default: 30_000,
    min: 500,
    max: 600_000,
    description: 'How long an engine process may take to answer for the first time.',
  },
  engineMemoryBytesMax: {
    type: 'integer',
    default: 4_294_967_296,
    min: 67_108_864,
    max: 1_099_511_627_776,
    unit: 'bytes',
    description: 'Memory of an engine and everything it started, summed; a task beyond it is ended.',
  },
  engineProcessesMax: {
    type: 'integer',
    default: 512,
    min: 4,
    max: 100_000,
    unit: 'processes',
    description: "Processes of an engine's task; one that starts more is ended.",
  },
  engineDiskBytesMax: {
    type: 'integer',
    default: 21_474_836_480,
    min: 1_048_576,
    max: 1_099_511_627_776,
    unit: 'bytes',
    description: "Size of an engine's working directory, spool included; a task beyond it is ended.",
  },
  engineOpenFilesMax: {
    type: 'integer',
    default: 4096,
    min: 64,
    max: 1_048_576,
    unit: 'files',
    description: 'Open files of each process of an engine.',
  },
  isolation: {
    type: 'string',
    default: 'off',
    description:
      "Whose processes engines are, `off` or `user`. `user`: of the operating system's account that is named like the job's user; the node must" +
      ' be root or have the capabilities for it, and users without an account are refused (50240). `off`: of the node, and user' +
      ' code can read all that the node can.',
  },
  isolationUidMin: {
    type: 'integer',
    default: 1000,
    min: 1,
    max: 4_294_967_294,
    unit: 'uid',
    description:
      'Accounts with a smaller uid belong to the system: with isolation, no engine runs as one of them.',
  },
  pythonPath: {
    type: 'string',
    default: 'python3',
    description:
      'The Python 3 (3.8 or later) that hosts engines and runs Python jobs: a path, or a name looked up in PATH. Point it at' +
      ' the interpreter of a virtual environment to give jobs its packages.',
  },
  engineEnvironment: {
    type: 'list',
    default: ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ'],
    max: 200,
    description:
      'Environment variables of the node that engines, and so jobs, see; everything else is kept from them. Never list' +
      ' one that holds a secret.',
  },
  enginePrograms: {
    type: 'list',
    default: [],
    max: 100,
    description:
      'Engines beyond those that Tenon brings, each type=command line, such as perl=/usr/bin/perl /opt/engines/engine.pl.' +
      ' The program is named by an absolute path, or looked up in PATH; quotes hold blanks together. It runs as the user' +
      ' of the node: list only what tenon engine-check has passed. In the environment a comma begins the next entry; a command line that has' +
      ' one belongs into the file.',
  },
  orphanIdleMs: {
    type: 'duration',
    default: 60_000,
    min: 1000,
    max: 86_400_000,
    description: 'How long an idle engine lives on without a node that owns it.',
  },
  orphanBusyMs: {
    type: 'duration',
    default: 3_600_000,
    min: 1000,
    max: 604_800_000,
    description:
      "How long a busy engine goes on without a node, unless its job's running timeout comes first. Its end waits" +
      " in its spool for the node's return.",
  },
  killGraceMs: {
    type: 'duration',
    default: 5000,
    min: 0,
    max: 300_000,
    description: "Time between TERM and KILL for a job's processes.",
  },
  jobAttemptsMax: {
    type: 'integer',
    default: 3,
    min: 1,
    max: 100,
    unit: 'attempts',
    description:
      'Attempts for failures that are known to be harmless to repeat, such as an engine that would not start. The' +
      ' label jobRetryCount overrides it.',
  },
  jobRetryDelayMs: {
    type: 'duration',
    default: 5000,
    min: 0,
    max: 3_600_000,
    description: 'Wait before the next attempt. The label jobRetryTimeout overrides it.',
  },
  submissionBytesMax: {
    type: 'integer',
    default: 5_000_000,
    min: 10_000,
    max: 100_000_000,
    unit: 'bytes',
    description:
      'Size of one submission: code, parameters and all. Larger code belongs in a file that the job reads.',
  },
  outboxBytesMax: {
    type: 'integer',
    default: 268_435_456,
    min: 1_048_576,
    max: 17_179_869_184,
    unit: 'bytes',
    description: 'What may wait on disk while the database is away; about 1 KB for each status change.',
  },
  outboxReserveBytes: {
    type: 'integer',
    default: 16_777_216,
    min: 0,
    max: 1_073_741_824,
    unit: 'bytes',
    description:
      'Preallocated, and given up when the disk is full, so that ends of jobs can still be recorded. 0: none.',
  },
  timeZone: {
    type: 'string',
    default: '',
    description:
      'Time zone of log lines and of the date variables, such as Europe/Berlin. Empty: that of the system.',
  },
} as const satisfies SettingGroup;
