/**
 * A history of many jobs as a year's use would leave it, written in bulk: people with habits (one tenant, one to three ways
 * to run things), most of them seldom, some all day; more than nine of ten jobs succeed; a few are unfinished.
 */
import {jobStatuses, type JobStatus} from '../actors/domain/job.ts';
import type {SqlSession, SqlValue} from '../persistence/sql-session.ts';

export const historyShape = {
  people: 300,
  days: 90,
  instances: ['host-1:9001', 'host-2:9001', 'host-3:9001', 'host-4:9001'],
} as const;

const tools: readonly (readonly [engineType: string, codeType: string])[] = [
  ['spark', 'sql'],
  ['shell', 'shell'],
  ['python', 'python'],
  ['jdbc', 'sql'],
  ['spark', 'py'],
];
const creators = ['IDE', 'nodeexecution', 'etl', 'api', 'notebook'];
const rowsAtOnce = 500;
export const newestMs = 1_790_000_000_000;
const openCount = 300;

/** The same jobs for the same number, whatever the machine. */
export async function writeHistory(
  session: SqlSession,
  jobs: number,
  onRows: (written: number) => void,
): Promise<void> {
  const chance = seeded(7);
  for (let id = 1; id <= jobs; id += rowsAtOnce) {
    const history: SqlValue[][] = [];
    const facts: SqlValue[][] = [];
    for (let taskID = id; taskID < Math.min(id + rowsAtOnce, jobs + 1); taskID += 1) {
      const job = jobOf(taskID, jobs, chance);
      history.push(historyRow(taskID, job, session.words.time));
      facts.push(factRow(taskID, job));
    }
    await session.transaction(async ({run}) => {
      await run(
        insertOf('linkis_ps_job_history_group_history', historyColumns, history.length),
        history.flat(),
      );
      await run(insertOf('tenon_job', factColumns, facts.length), facts.flat());
    });
    onRows(Math.min(id + rowsAtOnce - 1, jobs));
  }
  await session.run("update tenon_id_block set next_id = ? where name = 'job'", [jobs + 1]);
}

type Job = {
  readonly user: string;
  readonly tenant: string;
  readonly engineType: string;
  readonly codeType: string;
  readonly creator: string;
  readonly instance: string;
  readonly status: JobStatus;
  readonly createdMs: number;
  readonly tookMs: number;
  readonly waitedMs: number;
};

function jobOf(taskID: number, jobs: number, chance: () => number): Job {
  const {people, days, instances} = historyShape;
  const person = Math.floor(people * chance() ** 3);
  const habit = Math.floor((1 + (person % 3)) * chance());
  const [engineType, codeType] = pick(tools, person * 7 + habit * 3);
  const share = chance();
  const status: JobStatus =
    taskID > jobs - openCount
      ? pick(jobStatuses.slice(0, 4), taskID)
      : share < 0.92
        ? 'Succeed'
        : share < 0.97
          ? 'Failed'
          : share < 0.995
            ? 'Cancelled'
            : 'Timeout';
  return {
    user: `user-${person}`,
    tenant: `tenant-${person % 12}`,
    engineType,
    codeType,
    creator: pick(creators, person + habit * 2),
    instance: pick(instances, Math.floor(instances.length * chance())),
    status,
    createdMs: newestMs - Math.floor(((jobs - taskID) * days * 86_400_000) / jobs),
    tookMs: Math.floor(500 * Math.exp(chance() * 8)),
    waitedMs: Math.floor(5 * Math.exp(chance() * 9)),
  };
}

const pick = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError('Nothing to choose from.');
  return item;
};

/** Between 0 and 1, the same row of numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x7fff_ffff;
  };
}

const historyColumns = [
  'id',
  'job_req_id',
  'submit_user',
  'execute_user',
  'source',
  'labels',
  'params',
  'progress',
  'status',
  'log_path',
  'created_time',
  'updated_time',
  'instances',
  'metrics',
  'engine_type',
  'execution_code',
  'result_location',
];

function historyRow(taskID: number, job: Job, time: SqlSession['words']['time']): SqlValue[] {
  const {user, engineType, codeType, creator, status, createdMs, tookMs} = job;
  return [
    taskID,
    `${creator}_${user}_${engineType}_${taskID}`,
    user,
    user,
    '{"scriptPath":"daily.sql","requestIP":"10.0.0.9"}',
    `{"engineType":"${engineType}-1","userCreator":"${user}-${creator}","codeType":"${codeType}"}`,
    '{"configuration":{"runtime":{},"startup":{}},"variable":{}}',
    '1.0',
    status,
    `/data/logs/2026-05-01/${creator}/${user}/${taskID}.log`,
    time(createdMs),
    time(createdMs + tookMs),
    `${job.instance}#incarnation#1`,
    '{"submitTime":"2026-05-01T10:20:30+0000","scheduleTime":"2026-05-01T10:20:31+0000","runningTime":"2026-05-01T10:20:31+0000","completeTime":"2026-05-01T10:20:41+0000"}',
    engineType,
    `select count(*) from orders where day = '2026-05-01' and region = ${taskID % 40}`,
    `/data/results/2026-05-01/${creator}/${user}/${taskID}`,
  ];
}

const factColumns = [
  'id',
  'attempt',
  'engine_id',
  'tenant',
  'request_id',
  'creator',
  'code_type',
  'submit_user',
  'execute_user',
  'status',
  'is_open',
  'engine_type',
  'instance',
  'engine_instance',
  'created_ms',
  'cost_ms',
  'queued_ms',
  'launch_ms',
  'log_text',
];

function factRow(taskID: number, job: Job): SqlValue[] {
  const isOpen = jobStatuses.indexOf(job.status) < 4;
  const engine = `engine-${Math.floor(taskID / 40)}`;
  return [
    taskID,
    1,
    engine,
    job.tenant,
    `request-${taskID}`,
    job.creator,
    job.codeType,
    job.user,
    job.user,
    job.status,
    isOpen ? 1 : null,
    job.engineType,
    job.instance,
    engine,
    job.createdMs,
    job.tookMs,
    isOpen ? null : job.waitedMs,
    isOpen ? null : 12,
    'a line of the log\n'.repeat(6),
  ];
}

const insertOf = (table: string, columns: readonly string[], rows: number): string => {
  const marks = `(${columns.map(() => '?').join(', ')})`;
  return `insert into ${table} (${columns.join(', ')}) values ${Array(rows).fill(marks).join(', ')}`;
};
