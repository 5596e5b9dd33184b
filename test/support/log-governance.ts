/**
 * A governance whose jobs are played by the test, over the real log store and job feed: what a test appends goes through
 * files, what it says goes through the feed, and readers get both as from a real node.
 */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {isTerminal, type JobStatus} from '../../actors/domain/job.ts';
import {entranceService, printExecId, shortExecId} from '../../actors/domain/exec-id.ts';
import type {Governance, JobNews, JobView} from '../../actors/governance.ts';
import {createJobFeed, type JobFeed} from '../../actors/job-feed.ts';
import type {JobFacts, JobRow, LogChunk, LogWriter, StoredJob} from '../../actors/ports.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {createLogStore, type FileLogStore} from '../../persistence/files/log-store.ts';

export type PlayedJob = {
  readonly taskID: number;
  readonly logPath: string;
  readonly resultLocation: string;
  /** Appends whole lines, and tells followers. */
  readonly append: (text: string | Uint8Array) => Promise<void>;
  readonly become: (status: JobStatus) => void;
  readonly progress: (progress: number) => void;
  /** Commits the end: the status is terminal, the log synced and closed. */
  readonly end: (status: JobStatus) => Promise<void>;
  readonly lines: () => number;
};

type OnRead = (taskID: number, fromLine: number) => Promise<LogChunk | undefined>;

export type LogGovernance = {
  readonly governance: Governance;
  readonly feed: JobFeed;
  readonly logs: FileLogStore;
  /** The data directory, with `logs/` and `results/`. */
  readonly directory: string;
  readonly addJob: (people?: {submitUser?: string; executeUser?: string; creator?: string}) => PlayedJob;
  readonly submitted: {readonly body: unknown; readonly user: string}[];
  readonly killed: number[];
  /** Run before each `readLog`; may reject or answer in its place. */
  readonly setOnRead: (onRead: OnRead) => void;
  readonly setOnSubmit: (onSubmit: () => Promise<void>) => void;
  readonly jobOf: (taskID: number) => PlayedJob;
  readonly close: () => Promise<void>;
};

const playedFacts: JobFacts = {
  attempt: 1,
  engineId: '',
  tenant: '',
  priority: 100,
  killedBy: null,
  idempotencyKey: null,
  requestId: 'test',
  creator: 'IDE',
  codeType: 'shell',
  preparedCode: null,
  logLines: null,
  logText: null,
};

export async function createLogGovernance(): Promise<LogGovernance> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-logs-'));
  const logs = createLogStore({clock: systemClock});
  const feed = createJobFeed();
  const played = new Map<number, PlayedJob>();
  const jobs = new Map<number, {row: JobRow; progress: number; lines: number}>();
  const submitted: {body: unknown; user: string}[] = [];
  const killed: number[] = [];
  let lastID = 0;
  let onSubmit: (() => Promise<void>) | undefined;
  let onRead: OnRead | undefined;

  function addJob(people: Parameters<LogGovernance['addJob']>[0] = {}): PlayedJob {
    const {submitUser = 'ann', creator = 'IDE'} = people;
    const {executeUser = submitUser} = people;
    const taskID = ++lastID;
    const logPath = join(directory, 'logs', '2024-05-01', creator, executeUser, `${taskID}.log`);
    const resultLocation = join(directory, 'results', '2024-05-01', creator, executeUser, String(taskID));
    const row: JobRow = {
      id: taskID,
      jobReqId: shortExecId(`${creator}_${executeUser}_shell`, taskID),
      submitUser,
      executeUser,
      source: '{}',
      labels: '{}',
      params: '{}',
      progress: '0.0',
      status: 'Inited',
      logPath,
      resultLocation,
      errorCode: null,
      errorDesc: null,
      createdTime: 1_714_530_030_000,
      updatedTime: 1_714_530_030_000,
      instances: 'localhost:9101#i#1',
      metrics: '{}',
      engineType: 'shell',
      executionCode: 'true',
      observeInfo: null,
    };
    const job = {row, progress: 0, lines: 0};
    jobs.set(taskID, job);
    let writer: LogWriter | undefined;
    const become = (status: JobStatus): void => {
      job.row = {...job.row, status};
      feed.publish(taskID, {type: 'status', status, at: job.row.updatedTime});
    };
    const player: PlayedJob = {
      taskID,
      logPath,
      resultLocation,
      become,
      async append(text) {
        writer ??= await logs.open(logPath, String(taskID));
        const bytes = typeof text === 'string' ? Buffer.from(text) : text;
        const {lines: fromLine, spoolOffset} = writer.position();
        await writer.append(bytes, spoolOffset + bytes.length);
        const {lines} = writer.position();
        job.lines = lines;
        feed.publish(taskID, {type: 'log', lines, chunk: {fromLine, lineCount: lines - fromLine, bytes}});
      },
      progress(progress) {
        job.progress = progress;
        feed.publish(taskID, {type: 'progress', progress, progressInfo: []});
      },
      async end(status) {
        await writer?.sync();
        await writer?.close();
        become(status);
        feed.publish(taskID, {type: 'end', status, lines: job.lines});
      },
      lines: () => job.lines,
    };
    played.set(taskID, player);
    return player;
  }

  const viewOf = (taskID: number): JobView | undefined => {
    const job = jobs.get(taskID);
    if (job === undefined) return undefined;
    const {row} = job;
    const {submitUser, executeUser, status, logPath} = row;
    const execID = printExecId({
      applicationName: entranceService,
      instances: ['localhost:9101'],
      shortId: row.jobReqId,
    });
    return {
      taskID,
      execID,
      status,
      progress: job.progress,
      progressInfo: [],
      submitUser,
      executeUser,
      logPath,
    };
  };

  return {
    feed,
    logs,
    directory,
    addJob,
    submitted,
    killed,
    setOnSubmit(next) {
      onSubmit = next;
    },
    jobOf(taskID) {
      const job = played.get(taskID);
      if (job === undefined) throw new Error(`no job ${taskID}`);
      return job;
    },
    setOnRead(next) {
      onRead = next;
    },
    governance: {
      async submit(body, {user}) {
        await onSubmit?.();
        submitted.push({body, user});
        const {taskID} = addJob({submitUser: user});
        return {taskID, execID: viewOf(taskID)?.execID ?? ''};
      },
      find: async taskID => viewOf(taskID),
      async stored(taskID): Promise<StoredJob | undefined> {
        const job = jobs.get(taskID);
        return job && {row: job.row, facts: {...playedFacts, logLines: job.lines}};
      },
      async kill(taskID) {
        killed.push(taskID);
        return {taskID, result: 'ended', status: 'Cancelled'};
      },
      why: async () => undefined,
      setPriority: async () => false,
      async logPosition(taskID) {
        const job = jobs.get(taskID);
        return job && logs.position(job.row.logPath);
      },
      async readLog(taskID, fromLine, linesMax, bytesMax) {
        const answer = await onRead?.(taskID, fromLine);
        if (answer !== undefined) return answer;
        const job = jobs.get(taskID);
        return job && logs.read(job.row.logPath, fromLine, linesMax, bytesMax);
      },
      async follow(taskID, onNews: (news: JobNews) => void) {
        const job = jobs.get(taskID);
        if (job === undefined) return undefined;
        const {status, updatedTime} = job.row;
        if (isTerminal(status)) {
          onNews({type: 'end', status, lines: job.lines});
          return () => undefined;
        }
        onNews({type: 'status', status, at: updatedTime});
        onNews({type: 'progress', progress: job.progress, progressInfo: []});
        return feed.subscribe(taskID, onNews);
      },
      load: () => [],
      readiness: () => ({isReady: true, why: ''}),
    },
    async close() {
      await logs.close();
      await rm(directory, {recursive: true, force: true});
    },
  };
}
