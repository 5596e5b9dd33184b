/** A client of a cluster: one session that every gateway knows, and the calls that the tests make of them. */
import type {Answer, ApiRequest} from './node-process.ts';

export type ClusterTask = {
  readonly taskID: number;
  /** `host:port` of the owner. */
  readonly instance: string;
  readonly status: string;
  readonly errCode: number | null;
  readonly errDesc: string | null;
  readonly logPath: string;
  readonly resultLocation: string;
};

export type ClusterClient = {
  /** `base` is the URL of a gateway; `path` is below `/api/rest_j/v1/`, or absolute from `/`. Rejects without an answer in 15 s. */
  readonly api: <Data = Record<string, unknown>>(
    base: string,
    path: string,
    init?: ApiRequest,
  ) => Promise<Answer<Data>>;
  /** Later calls carry its session. Throws the answer's message. */
  readonly login: (base: string, user: string, password: string) => Promise<void>;
};

const answerMsMax = 15_000;

export function clusterClient(): ClusterClient {
  let cookie = '';

  const client: ClusterClient = {
    async api<Data>(base: string, path: string, init: ApiRequest = {}): Promise<Answer<Data>> {
      const {body} = init;
      const response = await fetch(new URL(path.startsWith('/') ? path : `/api/rest_j/v1/${path}`, base), {
        method: init.method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          ...(body === undefined ? {} : {'content-type': 'application/json'}),
          ...(cookie === '' ? {} : {cookie}),
          ...init.headers,
        },
        signal: AbortSignal.timeout(answerMsMax),
        ...(body === undefined ? {} : {body: typeof body === 'string' ? body : JSON.stringify(body)}),
      });
      const fresh = response.headers.getSetCookie().map(each => each.split(';', 1)[0] ?? '');
      if (fresh.length > 0) cookie = fresh.join('; ');
      const text = await response.text();
      try {
        const envelope = JSON.parse(text) as Answer<Data>;
        return {...envelope, httpStatus: response.status, headers: response.headers};
      } catch {
        throw new Error(`${path} answered ${response.status} with no JSON: ${text.slice(0, 500)}`);
      }
    },
    async login(base, user, password) {
      cookie = '';
      const answer = await client.api(base, 'user/login', {body: {userName: user, password}});
      if (answer.status !== 0) throw new Error(answer.message);
    },
  };
  return client;
}

/** Lines of a job's log file as `filesystem/openLog` shows them to a reader of everything. Throws the answer's message. */
export async function logLines(
  client: ClusterClient,
  base: string,
  {logPath}: ClusterTask,
): Promise<string[]> {
  const answer = await client.api<{log: string[]}>(
    base,
    `filesystem/openLog?path=${encodeURIComponent(logPath)}`,
  );
  if (answer.status !== 0) throw new Error(answer.message);
  return (answer.data.log[3] ?? '').split('\n');
}

/** Rows of the first result. Throws the answer's message; empty when there is no result. */
export async function resultRows(
  client: ClusterClient,
  base: string,
  {resultLocation}: ClusterTask,
): Promise<string[][]> {
  type Tree = {readonly dirFileTrees: {readonly children: readonly {readonly path: string}[]} | null};
  const tree = await client.api<Tree>(
    base,
    `filesystem/getDirFileTrees?path=${encodeURIComponent(resultLocation)}`,
  );
  if (tree.status !== 0) throw new Error(tree.message);
  const path = tree.data.dirFileTrees?.children[0]?.path;
  if (path === undefined) return [];
  const page = await client.api<{fileContent: string[][]}>(
    base,
    `filesystem/openFile?path=${encodeURIComponent(path)}`,
  );
  if (page.status !== 0) throw new Error(page.message);
  return page.data.fileContent;
}
