/**
 * A facade small enough to misbehave on purpose, for tests of clients: real HTTP and WebSocket, Linkis' envelope, the
 * login, and jobs that a test describes. Submissions go through the real parser; what the stream says is up to the test.
 */
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text as readAll} from 'node:stream/consumers';
import {WebSocketServer, type WebSocket} from 'ws';
import {LinkisError} from '../../actors/domain/errors.ts';
import {parseSubmission, type ParsedSubmission} from '../../actors/submission.ts';
import {hadoop, intakeContext} from './submission-context.ts';

export type StandInJob = {
  readonly taskID: number;
  readonly submission?: ParsedSubmission;
  status: string;
  lines: readonly string[];
  errCode?: number | null;
  errDesc?: string | null;
  /** Result sets: `metadata` and `fileContent` of `openFile`. */
  results?: readonly {readonly type: string; readonly metadata: unknown; readonly rows: readonly unknown[]}[];
};

/** One subscription, to be answered by the test. */
export type Subscription = {
  readonly taskID: number;
  readonly fromLine: number;
  /** 0 for the first subscription of the test. */
  readonly count: number;
  readonly send: (...frames: readonly object[]) => void;
  readonly close: (code: number, reason?: string) => void;
  /** Cuts the connection without a word. */
  readonly cut: () => void;
  /** Bytes that were sent and not taken. */
  readonly unread: () => number;
};

export type StandIn = {
  readonly url: string;
  readonly jobs: Map<number, StandInJob>;
  /** `METHOD path?query` of each request, without the prefix. */
  readonly requests: string[];
  /** Sessions that were opened and not ended. */
  readonly sessions: Set<string>;
  onSubscribe: (subscription: Subscription) => void;
  /** Called before a request is answered; `'cut'` breaks the connection, `'cutAfter'` does so in place of the answer. */
  onRequest: (path: string, count: number) => 'cut' | 'cutAfter' | 'notLoggedIn' | undefined;
  /** Status that the next upgrades are refused with. */
  refuseUpgrades: number | undefined;
  onKill: (job: StandInJob) => void;
};

type Owner = {readonly teardown: (cleanUp: () => Promise<void>) => void};

export const password = 'correct horse';
export const token = 'TOKEN-of-hadoop';

class Refusal extends Error {
  readonly httpStatus: number;
  readonly status: number;

  constructor(message: string, httpStatus = 400, status = 1) {
    super(message);
    this.httpStatus = httpStatus;
    this.status = status;
  }
}

export async function startStandIn(t: Owner): Promise<StandIn> {
  const keys = new Map<string, number>();
  const perPath = new Map<string, number>();
  let subscriptions = 0;
  let logins = 0;
  const standIn: StandIn & {url: string} = {
    url: '',
    jobs: new Map(),
    requests: [],
    sessions: new Set(),
    onSubscribe: ({close}) => close(1011, 'the test expected no subscription'),
    onRequest: () => undefined,
    refuseUpgrades: undefined,
    onKill(job) {
      job.status = 'Cancelled';
    },
  };

  const jobOf = (id: string | undefined): StandInJob => {
    const job = standIn.jobs.get(Number(id));
    if (job === undefined) throw new Refusal('The corresponding job was not found');
    return job;
  };

  function isKnown({headers}: IncomingMessage): boolean {
    const ticket = /ticket=(\w+)/.exec(headers.cookie ?? '')?.[1] ?? '';
    return (
      standIn.sessions.has(ticket) || (headers['token-code'] === token && headers['token-user'] === 'hadoop')
    );
  }

  function submit(body: unknown, key: string): object {
    const known = keys.get(key);
    const taskID = known ?? standIn.jobs.size + 1;
    if (known === undefined) {
      const submission = parseSubmission(body, {...intakeContext, caller: hadoop});
      keys.set(key, taskID);
      standIn.jobs.set(taskID, {taskID, submission, status: 'Inited', lines: []});
    }
    return {taskID, execID: `exec_id018014linkis-cg-entrancelocalhost:9001IDE_hadoop_shell_${taskID}`};
  }

  function answer(
    path: string,
    query: URLSearchParams,
    body: unknown,
    request: IncomingMessage,
    response: ServerResponse,
  ): object {
    if (path === 'user/login') {
      const {userName, password: given} = body as {userName?: string; password?: string};
      if (userName !== 'hadoop' || given !== password)
        throw new Refusal('wrong user name or password(用户名或密码错误)！');
      const ticket = `t${(logins += 1)}`;
      standIn.sessions.add(ticket);
      response.setHeader('set-cookie', `ticket=${ticket}; Path=/; HttpOnly`);
      return {userName};
    }
    if (!isKnown(request)) throw new Refusal('You are not logged in', 401, -1);
    if (path === 'user/logout') {
      standIn.sessions.delete(/ticket=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '');
      return {};
    }
    if (path === 'entrance/submit') return submit(body, String(request.headers['idempotency-key']));
    const [area, id, what] = path.split('/');
    if (area === 'entrance' && what === 'kill') {
      const job = jobOf(id);
      standIn.onKill(job);
      return {execID: id, killResult: 'ended', jobStatus: job.status};
    }
    if (area === 'entrance' && what === 'log') {
      const from = Math.max(1, Number(query.get('fromLine')));
      const lines = jobOf(id).lines.slice(from - 1, from + 1);
      return {execID: id, log: ['', '', '', lines.join('\n')], fromLine: from + lines.length};
    }
    if (area === 'jobhistory' && what === 'get') return {task: taskOf(jobOf(id))};
    if (path === 'jobhistory/list') {
      const tasks = [...standIn.jobs.values()].toReversed().map(taskOf);
      return {tasks: tasks.slice(0, Number(query.get('pageSize'))), totalPage: tasks.length};
    }
    return files(path, query);
  }

  /** Paths are `/results/7/_0.dolphin` and `/logs/7.log`. */
  function files(path: string, query: URLSearchParams): object {
    const [, kind, name = '', file = ''] = (query.get('path') ?? '').split('/');
    if (path === 'filesystem/openLog' && kind === 'logs') {
      const {lines} = jobOf(name.replace('.log', ''));
      if (lines.length === 0) throw new Refusal('This user has no permission to read this log');
      return {log: ['', '', '', lines.map(line => `${line}\n`).join('')]};
    }
    if (path === 'filesystem/getDirFileTrees') {
      const {results} = jobOf(name);
      const children = results?.map((_, index) => ({
        path: `/results/${name}/_${index}.dolphin`,
        isLeaf: true,
      }));
      return {dirFileTrees: children === undefined ? null : {children: children.toReversed()}};
    }
    const result = jobOf(name).results?.[Number(/_(\d+)/.exec(file)?.[1])];
    if (path !== 'filesystem/openFile' || result === undefined) throw new Refusal(`no such thing: ${path}`);
    const size = Number(query.get('pageSize'));
    const start = (Number(query.get('page')) - 1) * size;
    const {type, metadata, rows} = result;
    return {type, metadata, fileContent: rows.slice(start, start + size), totalPage: 0};
  }

  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '', 'http://stand-in');
      const path = url.pathname.replace('/api/rest_j/v1/', '');
      const count = perPath.get(path) ?? 0;
      perPath.set(path, count + 1);
      standIn.requests.push(`${request.method} ${path}${url.search}`);
      const text = await readAll(request);
      const fault = standIn.onRequest(path, count);
      if (fault === 'cut') return request.socket.destroy();
      let envelope: object;
      try {
        if (fault === 'notLoggedIn') throw new Refusal('You are not logged in', 401, -1);
        const body: unknown = text === '' ? undefined : JSON.parse(text);
        envelope = {status: 0, message: 'OK', data: answer(path, url.searchParams, body, request, response)};
      } catch (error) {
        const {message} = error as Error;
        const isLinkis = error instanceof LinkisError;
        const told = isLinkis
          ? `error code(错误码): ${error.code}, error message(错误信息): ${message}.`
          : message;
        response.statusCode = error instanceof Refusal ? error.httpStatus : 400;
        const status = error instanceof Refusal ? error.status : 1;
        const data = isLinkis ? {errorMsg: {errCode: error.code, desc: message}} : {};
        envelope = {status, message: told, data};
      }
      if (fault === 'cutAfter') return request.socket.destroy();
      response.setHeader('content-type', 'application/json');
      return response.end(JSON.stringify(envelope));
    })();
  });
  const sockets = new WebSocketServer({noServer: true});
  server.on('upgrade', (request, socket, head) => {
    const refused = standIn.refuseUpgrades ?? (isKnown(request) ? undefined : 401);
    if (refused !== undefined || request.url !== '/ws/v1/stream') {
      socket.end(`HTTP/1.1 ${refused ?? 404} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, ws =>
      ws.on('message', data => subscribed(ws, (data as Buffer).toString())),
    );
  });

  function subscribed(ws: WebSocket, text: string): void {
    const {taskID, fromLine} = JSON.parse(text) as {taskID: number; fromLine: number};
    const count = subscriptions;
    subscriptions += 1;
    standIn.onSubscribe({
      taskID,
      fromLine,
      count,
      send: (...frames) => frames.forEach(frame => ws.send(JSON.stringify({taskID, ...frame}))),
      close: (code, reason) => ws.close(code, reason),
      cut: () => ws.terminate(),
      unread: () => ws.bufferedAmount,
    });
  }

  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  standIn.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.teardown(async () => {
    for (const ws of sockets.clients) ws.terminate();
    server.closeAllConnections();
    await new Promise(resolve => {
      server.close(resolve);
    });
  });
  return standIn;
}

const taskOf = ({taskID, status, submission, errCode = null, errDesc = null}: StandInJob): object => ({
  taskID,
  status,
  progress: status === 'Running' ? '0.4' : '1.0',
  executeUser: 'hadoop',
  umUser: 'hadoop',
  requestApplicationName: submission?.creator ?? 'IDE',
  engineType: submission?.engineType.type ?? 'shell',
  executionCode: submission?.code ?? null,
  createdTime: Date.parse('2026-05-01T10:20:30Z'),
  updatedTime: Date.parse('2026-05-01T10:20:33Z'),
  costTime: 3000,
  errCode,
  errDesc,
  logPath: `/logs/${taskID}.log`,
  resultLocation: `/results/${taskID}`,
  strongerExecId: `exec_id018014linkis-cg-entrancelocalhost:9001IDE_hadoop_shell_${taskID}`,
});
