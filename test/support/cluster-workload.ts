/**
 * Many small jobs that flow through a cluster while something happens to it, and what became of each: told by the client's
 * answers, by witness files that the jobs write, and by the database's own record of every status.
 */
import {appendFileSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type {ClusterProcesses} from './cluster-processes.ts';
import type {ClusterTask} from './cluster-client.ts';
import {doubleEnds, takeOversMs} from './job-audit.ts';
import {jobEnds} from './node-jobs.ts';

export type WorkloadOptions = {
  readonly jobs?: number;
  /** Between two submissions. */
  readonly everyMs?: number;
  readonly label?: string;
  /** Names of the gateways; each submission begins at another one. */
  readonly gateways: readonly string[];
  /** A submission that is refused, or has no answer, is repeated with the same key at the next gateway. */
  readonly triesMax?: number;
  /** Before each repetition; 0 by default. */
  readonly retryAfterMs?: number;
  /** Happens once `faultAfter` jobs were accepted, by default a third. */
  readonly fault: () => Promise<Death | undefined>;
  readonly faultAfter?: number;
  /** For all to end, after the last submission and the fault. */
  readonly endMsMax?: number;
};

/** Of a node: whose jobs are taken over from then on. */
export type Death = {readonly instance: string; readonly atMs: number};

export type WorkloadReport = {
  readonly submitted: number;
  readonly accepted: number;
  /** What was answered at last, where no try was accepted. */
  readonly refused: readonly string[];
  /** Submissions that took more than one try. */
  readonly repeated: number;
  readonly ended: Readonly<Record<string, number>>;
  /** Accepted, and not at an end in time. */
  readonly lost: readonly unknown[];
  /** Accepted, and ended as something else than Succeed. */
  readonly notSucceeded: readonly unknown[];
  readonly doubleEnds: readonly number[];
  /** Numbers of jobs whose code ran more than once. */
  readonly ranTwice: readonly number[];
  /** Ended as Succeed, and the code did not run to its end. */
  readonly untrue: readonly number[];
  /** Numbers of jobs in whose log a line of their code is missing, twice there, or out of order. */
  readonly wrongLogs: readonly number[];
  /** What was answered for logs that can't be read now; each has to name a node. */
  readonly unreadLogs: readonly string[];
  /** All that is known of each job that the figures above name. */
  readonly stories: readonly unknown[];
  /** Never accepted, and the code ran: an answer got lost in spite of the key. */
  readonly ranUnasked: readonly number[];
  readonly takeOver: {readonly count: number; readonly p50Ms: number; readonly maxMs: number};
};

type Accepted = {readonly number: number; readonly taskID: number};

let workloads = 0;

export async function runWorkload(
  cluster: ClusterProcesses,
  {
    jobs = 60,
    everyMs = 80,
    label,
    gateways,
    triesMax = 2,
    retryAfterMs = 0,
    fault,
    faultAfter = Math.floor(jobs / 3),
    endMsMax = 60_000,
  }: WorkloadOptions,
): Promise<WorkloadReport> {
  workloads += 1;
  const witness = join(cluster.directory, `witness-${workloads}`);
  appendFileSync(witness, '');
  const accepted: Accepted[] = [];
  const refused: string[] = [];
  let repeated = 0;
  let happening: Promise<Death | undefined> | undefined;

  async function submit(number: number): Promise<void> {
    // 0 to 1 s, the same in every run.
    const seconds = ((number * 7) % 11) / 10;
    const lines = linesOf(number);
    const code =
      `echo begin ${number} $TENON_TASK_ID >> ${witness}; i=0; while [ $i -lt ${lines} ]; do echo out $i; i=$((i+1));` +
      ` [ $i = ${lines / 2} ] && sleep ${seconds}; done; echo done ${number} >> ${witness}`;
    let why = '';
    for (let attempt = 0; attempt < triesMax; attempt += 1) {
      const via = gateways[(number + attempt) % gateways.length] ?? '';
      if (attempt === 1) repeated += 1;
      if (attempt > 0) await sleep(retryAfterMs);
      try {
        const answer = await cluster.trySubmit(code, {
          via,
          idempotencyKey: `${workloads}-${number}`,
          ...(label === undefined ? {} : {label}),
        });
        if (answer.status === 0) {
          accepted.push({number, taskID: answer.data.taskID});
          if (accepted.length === faultAfter) happening = fault();
          return;
        }
        why = `${number} via ${via}: ${answer.message}`;
      } catch (error) {
        why = `${number} via ${via}: ${reasonOf(error)}`;
      }
    }
    refused.push(why);
  }

  const submissions: Promise<void>[] = [];
  for (let number = 0; number < jobs; number += 1) {
    submissions.push(submit(number));
    await sleep(everyMs);
  }
  await Promise.all(submissions);
  const death = await happening;
  const tasks = await allEnded(
    cluster,
    accepted.map(({taskID}) => taskID),
    endMsMax,
  );

  const {wrongLogs, unreadLogs} = await readLogs(cluster, accepted, tasks);
  const changes = await cluster.audit.changes();
  const lines = readFileSync(witness, 'utf8').split('\n');
  const timesOf = (word: string, number: number): number =>
    lines.filter(line => line.split(' ').slice(0, 2).join(' ') === `${word} ${number}`).length;
  const numbers = Array.from({length: jobs}, (_, number) => number);
  const numbersAccepted = new Set(accepted.map(({number}) => number));
  const statusOf = ({taskID}: Accepted): string => tasks.get(taskID)?.status ?? 'unknown';
  const story = ({number, taskID}: Accepted): unknown => ({
    number,
    task: tasks.get(taskID),
    row: changes.filter(change => change.taskID === taskID),
    witness: lines.filter(line => line.split(' ')[1] === `${number}`),
  });
  const ranTwice = numbers.filter(number => timesOf('begin', number) > 1);
  const untrue = accepted
    .filter(job => statusOf(job) === 'Succeed' && timesOf('done', job.number) !== 1)
    .map(({number}) => number);
  const double = doubleEnds(changes);
  const ended: Record<string, number> = {};
  for (const job of accepted) ended[statusOf(job)] = (ended[statusOf(job)] ?? 0) + 1;
  return {
    submitted: jobs,
    accepted: accepted.length,
    refused,
    repeated,
    ended,
    lost: accepted.filter(job => !jobEnds.includes(statusOf(job))).map(story),
    notSucceeded: accepted
      .filter(job => jobEnds.includes(statusOf(job)) && statusOf(job) !== 'Succeed')
      .map(story),
    doubleEnds: double,
    ranTwice,
    untrue,
    stories: accepted
      .filter(
        ({number, taskID}) =>
          [...ranTwice, ...untrue, ...wrongLogs].includes(number) || double.includes(taskID),
      )
      .map(story),
    wrongLogs,
    unreadLogs,
    ranUnasked: numbers.filter(number => !numbersAccepted.has(number) && timesOf('begin', number) > 0),
    takeOver: spreadOf(death === undefined ? [] : takeOversMs(changes, death.instance, death.atMs)),
  };
}

/** Of the code's output; every tenth job prints more than a row holds. */
const linesOf = (number: number): number => (number % 10 === 0 ? 2000 : 20);

async function readLogs(
  cluster: ClusterProcesses,
  accepted: readonly Accepted[],
  tasks: ReadonlyMap<number, ClusterTask>,
): Promise<Pick<WorkloadReport, 'wrongLogs' | 'unreadLogs'>> {
  const wrongLogs: number[] = [];
  const unreadLogs: string[] = [];
  for (const {number, taskID} of accepted) {
    const task = tasks.get(taskID);
    if (task?.status !== 'Succeed') continue;
    try {
      const printed = (await cluster.log(task)).filter(line => line.startsWith('out '));
      const wanted = Array.from({length: linesOf(number)}, (_, index) => `out ${index}`);
      if (printed.join('\n') !== wanted.join('\n')) wrongLogs.push(number);
    } catch (error) {
      unreadLogs.push(`${number}: ${reasonOf(error)}`);
    }
  }
  return {wrongLogs, unreadLogs};
}

/** What a client sees of them, at their end or at the deadline; gateways that fail are asked again. */
async function allEnded(
  cluster: ClusterProcesses,
  taskIDs: readonly number[],
  limitMs: number,
): Promise<ReadonlyMap<number, ClusterTask>> {
  const seen = new Map<number, ClusterTask>();
  const open = (): number[] => taskIDs.filter(taskID => !jobEnds.includes(seen.get(taskID)?.status ?? ''));
  for (const deadline = performance.now() + limitMs; open().length > 0 && performance.now() < deadline;) {
    const page = open().slice(0, 30);
    try {
      const {data} = await cluster.api<{jobHistoryList: readonly ClusterTask[]}>(
        `jobhistory/list-taskids?taskID=${page.join(',')}`,
      );
      for (const task of data.jobHistoryList) seen.set(task.taskID, task);
    } catch {
      // A gateway that is going down; the next round asks another one.
    }
    await sleep(100);
  }
  return seen;
}

function spreadOf(valuesMs: readonly number[]): WorkloadReport['takeOver'] {
  const sorted = valuesMs.toSorted((one, other) => one - other);
  const at = (part: number): number => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
  return {count: sorted.length, p50Ms: at(0.5), maxMs: at(1)};
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
