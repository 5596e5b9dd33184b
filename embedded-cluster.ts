/** A node inside somebody else's process: no port is opened unless asked for, nothing is printed, no signal is caught. */
import {pino, type Logger} from 'pino';
import {isTerminal, type TerminalStatus} from './actors/domain/job.ts';
import type {Accepted, Caller, JobNews, JobView, JobWhy, KillReport} from './actors/governance.ts';
import type {EngineDriver, LogChunk} from './actors/ports.ts';
import {environmentWithoutSettings, readConfig} from './config.ts';
import {clusterServices, type ClusterServices} from './embedded-services.ts';
import {startNode} from './node-start.ts';

export type ClusterOptions = {
  /** Data directory; made if it is not there. */
  readonly data: string;
  /** `sqlite:FILE` (default, inside the data directory) or `mysql://user:password@host:port/database`. */
  readonly database?: string;
  /** `HOST:PORT` to serve HTTP and WebSocket on too; port 0 takes a free one. */
  readonly listen?: string;
  /** Any setting by its documented name, such as `governance.groupRunningMax`. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Where engines run; by default processes of this host. */
  readonly engineDriver?: EngineDriver;
  /** A pino logger; silent by default. */
  readonly log?: Logger;
  /** Told when the node can't go on because another process has its lease. Default: throws, asynchronously. */
  readonly onFatal?: (why: string) => void;
};

export type JobRequest = {
  readonly user: string;
  readonly code: string;
  /** `shell-1`, `python-python3`, … */
  readonly engineType: string;
  /** By default the engine's own language. */
  readonly runType?: string;
  readonly creator?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
  /** A second submission of this user with the same key is answered with the first one's job. */
  readonly idempotencyKey?: string;
};

export type Cluster = {
  /** Empty unless `listen` was given. */
  readonly url: string;
  /** Resolves when the job is durable. Rejects with a `LinkisError`; then nothing was accepted. */
  readonly submit: (request: JobRequest) => Promise<Accepted>;
  readonly find: (taskID: number) => Promise<JobView | undefined>;
  /** Resolves when the job has ended and its end is durable. Rejects if there is no such job. */
  readonly ended: (taskID: number) => Promise<{readonly status: TerminalStatus; readonly lines: number}>;
  /** What happens to a job from now on, in order. Returns what ends it; undefined if there is no such job. */
  readonly follow: (taskID: number, onNews: (news: JobNews) => void) => Promise<(() => void) | undefined>;
  /** Lines of the log from `fromLine` (0 is the first), at most `linesMax` and 1 MB. */
  readonly readLog: (taskID: number, fromLine: number, linesMax: number) => Promise<LogChunk | undefined>;
  readonly kill: (taskID: number, by: string) => Promise<KillReport>;
  /** Why a job is where it is; undefined if there is no such job. */
  readonly why: (taskID: number) => Promise<JobWhy | undefined>;
  /** Entrance, manager, ECM and job history by the names of their calls. */
  readonly services: ClusterServices;
  /** Takes no more jobs, ends idle engines, leaves busy ones at work for the next start. Resolves to their ids. */
  readonly close: () => Promise<readonly string[]>;
};

const readBytesMax = 1_048_576;

/** Starts a node in this process. Rejects with `ConfigError`, or with what a floor could not do. */
export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  const {data, database, listen, settings = {}, engineDriver} = options;
  const config = readConfig({
    environment: environmentWithoutSettings(),
    options: {
      data,
      ...(database === undefined ? {} : {database}),
      ...(listen === undefined ? {} : {listen}),
      set: Object.entries(settings).map(([key, value]) => `${key}=${value}`),
    },
  });
  const node = await startNode(config, {
    log: options.log ?? pino({level: 'silent'}),
    listens: listen !== undefined,
    onFatal:
      options.onFatal ??
      (why => {
        throw new Error(`The embedded node can't go on: ${why}.`);
      }),
    ...(engineDriver === undefined ? {} : {engineDriver}),
  });
  const {governance} = node;
  if (node.node === undefined) throw new Error('An embedded node needs an entrance.');
  return {
    url: node.url,
    submit({user, code, engineType, runType, creator = 'IDE', labels = {}, variables = {}, idempotencyKey}) {
      const body = {
        executionContent: {code, runType: runType ?? languageOf(engineType)},
        labels: {...labels, engineType, userCreator: `${user}-${creator}`},
        params: {variable: variables, configuration: {}},
        source: {},
      };
      return governance.submit(body, callerOf(user), idempotencyKey === undefined ? {} : {idempotencyKey});
    },
    find: governance.find,
    follow: governance.follow,
    readLog: (taskID, fromLine, linesMax) => governance.readLog(taskID, fromLine, linesMax, readBytesMax),
    kill: (taskID, by) => governance.kill(taskID, callerOf(by)),
    why: governance.why,
    services: clusterServices({
      governance,
      engines: node.engines,
      node: node.node,
      history: node.node.historyOf(node.history),
      callerOf,
    }),
    ended: taskID =>
      new Promise((resolve, reject) => {
        governance
          .follow(
            taskID,
            news => {
              if (news.type === 'end' && isTerminal(news.status))
                resolve({status: news.status, lines: news.lines});
            },
            {withLog: false},
          )
          .then(stop => {
            if (stop === undefined) reject(new Error(`There is no job with taskID ${taskID}.`));
          }, reject);
      }),
    close: node.stop,
  };
}

const callerOf = (user: string): Caller => ({
  user,
  isAdmin: false,
  hasAdminToken: false,
  address: 'embedded',
  requestId: '',
});

const languageOf = (engineType: string): string => engineType.split('-', 1)[0] ?? engineType;
