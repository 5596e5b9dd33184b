/**
 * A whole node as a process of its own, as a user starts it: for tests that need its command line, its sockets, its
 * engines or its death. Everything it makes lies in a fresh directory, and teardown leaves nothing of it: it fails the test
 * when an engine process is still alive.
 */
import {spawn, type ChildProcess} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve as resolvePath} from 'node:path';
import {createInterface} from 'node:readline';
import {killAll, processesUsing} from './process-table.ts';
import {projectRoot} from './source-tree.ts';

export type NodeOptions = {
  /** `built` runs `dist/`, as a user does; `source` the `.ts` files as they are (default); else a script's path. */
  readonly program?: 'built' | 'source' | (string & {});
  /** Appended to `tenon start --listen 127.0.0.1:0 --data DIR`. */
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Made and removed by the fixture when not given. */
  readonly dataDirectory?: string;
  /** Engines at work outlive their node by design: teardown then ends them without failing the test. */
  readonly leavesEngines?: boolean;
  readonly readyTimeoutMs?: number;
};

/** Linkis' envelope. */
type Envelope<Data> = {
  readonly method: string;
  readonly status: number;
  readonly message: string;
  readonly data: Data;
};

export type Answer<Data = Record<string, unknown>> = Envelope<Data> & {
  readonly httpStatus: number;
  readonly headers: Headers;
};

export type NodeProcess = {
  /** `http://127.0.0.1:PORT`; another one after `restart`. */
  readonly url: () => string;
  readonly pid: () => number;
  /** From the start of the process to its ready line. */
  readonly readyAfterMs: () => number;
  readonly dataDirectory: string;
  readonly credentials: () => {readonly user: string; readonly password: string};
  /** Logs in as the generated administrator, or as somebody else; later calls of `api` carry the session. */
  readonly login: (user?: string, password?: string) => Promise<Answer>;
  /** `path` below `/api/rest_j/v1/`, or absolute from `/`. A `body` makes it a POST. */
  readonly api: <Data = Record<string, unknown>>(path: string, init?: ApiRequest) => Promise<Answer<Data>>;
  /** The session's cookie as a header value; empty before `login`. */
  readonly cookie: () => string;
  /** Everything the node has written to stderr. */
  readonly log: () => string;
  readonly kill: (signal: NodeJS.Signals) => Promise<void>;
  /** SIGTERM; resolves with the exit code, or the signal it died of. */
  readonly stop: () => Promise<number | NodeJS.Signals>;
  /** Starts it again on the same data directory; it must have ended. */
  readonly restart: () => Promise<void>;
};

export type ApiRequest = {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

const programs: Readonly<Record<string, string>> = {built: 'dist/cli/tenon.js', source: 'cli/tenon.ts'};

type Running = {
  readonly child: ChildProcess;
  readonly url: string;
  readonly readyAfterMs: number;
  readonly exited: Promise<number | NodeJS.Signals>;
};

/** What a test context offers, and a benchmark too: when it is over, what is registered here runs. */
export type Owner = {readonly teardown: (cleanUp: () => Promise<void>) => void};

/** Rejects, with what the node wrote, when it ends or is not ready in time. */
export async function startNode(t: Owner, options: NodeOptions = {}): Promise<NodeProcess> {
  const scratch = mkdtempSync(join(tmpdir(), 'tenon-test-'));
  const dataDirectory = options.dataDirectory ?? join(scratch, 'data');
  let log = '';
  let cookie = '';
  let running: Running | undefined;
  // After SIGKILL nobody is there to end the engines.
  let isAbandoned = false;

  const end = async (): Promise<string[]> => {
    const complaints: string[] = [];
    if (running !== undefined && isAlive(running.child)) {
      running.child.kill('SIGTERM');
      const isGone = await Promise.race([running.exited, after(15_000)]);
      if (isGone === undefined) {
        running.child.kill('SIGKILL');
        await running.exited;
        complaints.push(`The node did not end within 15 s of SIGTERM. It wrote:\n${log.slice(-4000)}`);
      }
    }
    const left = await goneWithin(isAbandoned ? 0 : 10_000, dataDirectory);
    killAll(left);
    if (left.length > 0 && !isAbandoned && options.leavesEngines !== true) {
      complaints.push(`Processes are left behind: ${JSON.stringify(left)}`);
    }
    rmSync(scratch, {recursive: true, force: true, maxRetries: 5});
    return complaints;
  };

  t.teardown(async () => {
    const complaints = await end();
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
  });

  const start = async (): Promise<Running> => {
    const startedMs = performance.now();
    const {program = 'source'} = options;
    const {NODE_V8_COVERAGE: _, ...inherited} = process.env;
    const child = spawn(
      process.execPath,
      [
        '--max-semi-space-size=2',
        resolvePath(projectRoot, programs[program] ?? program),
        'start',
        '--listen',
        '127.0.0.1:0',
        '--data',
        dataDirectory,
        ...(options.args ?? []),
      ],
      {stdio: ['ignore', 'pipe', 'pipe'], env: {...inherited, ...options.environment}},
    );
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const exited = new Promise<number | NodeJS.Signals>(settle => {
      child.once('exit', (code, signal) => settle(code ?? signal ?? 'SIGKILL'));
    });
    const ready = readyLine(child).then(url => ({url, readyAfterMs: performance.now() - startedMs}));
    const first = await Promise.race([ready, exited, after(options.readyTimeoutMs ?? 20_000)]);
    if (typeof first === 'object') return {child, ...first, exited};
    child.kill('SIGKILL');
    const why = first === undefined ? 'was not ready in time' : `ended with ${first}`;
    throw new Error(`The node ${why}. It wrote:\n${log.slice(-8000)}`);
  };

  const now = (): Running => {
    if (running === undefined) throw new Error('The node is not running.');
    return running;
  };

  const api = async <Data>(path: string, init: ApiRequest = {}): Promise<Answer<Data>> => {
    const {body} = init;
    const response = await fetch(new URL(path.startsWith('/') ? path : `/api/rest_j/v1/${path}`, now().url), {
      method: init.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(body === undefined ? {} : {'content-type': 'application/json'}),
        ...(cookie === '' ? {} : {cookie}),
        ...init.headers,
      },
      ...(body === undefined ? {} : {body: typeof body === 'string' ? body : JSON.stringify(body)}),
    });
    const fresh = response.headers.getSetCookie().map(each => each.split(';', 1)[0] ?? '');
    if (fresh.length > 0) cookie = fresh.join('; ');
    const text = await response.text();
    try {
      return {
        httpStatus: response.status,
        headers: response.headers,
        ...(JSON.parse(text) as Envelope<Data>),
      };
    } catch {
      throw new Error(`${path} answered ${response.status} with no JSON: ${text.slice(0, 500)}`);
    }
  };

  const credentials = (): {user: string; password: string} => {
    const text = readFileSync(join(dataDirectory, 'credentials'), 'utf8');
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? '';
    return {user: field('user'), password: field('password')};
  };

  running = await start();
  return {
    url: () => now().url,
    pid: () => now().child.pid ?? 0,
    readyAfterMs: () => now().readyAfterMs,
    dataDirectory,
    credentials,
    api,
    cookie: () => cookie,
    log: () => log,
    login(user, password) {
      cookie = '';
      const body = user === undefined ? credentials() : {user, password};
      return api('user/login', {body: {userName: body.user, password: body.password}});
    },
    async kill(signal) {
      isAbandoned ||= signal === 'SIGKILL';
      now().child.kill(signal);
      await now().exited;
    },
    stop() {
      now().child.kill('SIGTERM');
      return now().exited;
    },
    async restart() {
      await now().exited;
      running = await start();
      isAbandoned = false;
    },
  };
}

const isAlive = ({exitCode, signalCode}: ChildProcess): boolean => exitCode === null && signalCode === null;

/** The URL in `{"event":"ready","listen":"http://…"}`; goes on reading, so that the pipe never fills. */
function readyLine(child: ChildProcess): Promise<string> {
  return new Promise(found => {
    if (child.stdout === null) return;
    createInterface({input: child.stdout}).on('line', line => {
      const url = /^\{.*"event":"ready".*"listen":"([^"]+)"/.exec(line)?.[1];
      if (url !== undefined) found(url);
    });
  });
}

const after = (delayMs: number): Promise<undefined> =>
  new Promise(settle => {
    setTimeout(() => settle(undefined), delayMs).unref();
  });

/** What is still running out of the data directory when everything is gone, or at the deadline. */
async function goneWithin(limitMs: number, directory: string): Promise<ReturnType<typeof processesUsing>> {
  const deadline = performance.now() + limitMs;
  let left = processesUsing(directory);
  // No event tells of the end of processes that are not our children.
  while (left.length > 0 && performance.now() < deadline) {
    // This timer alone keeps the test's process alive here.
    await new Promise(resolve => void setTimeout(resolve, 50));
    left = processesUsing(directory);
  }
  return left;
}
