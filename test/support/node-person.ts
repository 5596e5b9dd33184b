/** Somebody with an account and a session of their own on a node process: tenants are tested with several of them. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {run} from './command.ts';
import type {Answer, ApiRequest, NodeProcess} from './node-process.ts';
import {projectRoot} from './source-tree.ts';

export type Person = {
  readonly name: string;
  /** Of every session of this person, as a header. */
  readonly cookie: () => string;
  /** `path` below `/api/rest_j/v1/`, or absolute from `/`. A `body` makes it a POST; a text goes as it is. */
  readonly api: <Data = Record<string, unknown>>(path: string, init?: ApiRequest) => Promise<Answer<Data>>;
  /** The answer as it came, for what is no envelope. */
  readonly fetch: (path: string, init?: ApiRequest) => Promise<Response>;
  readonly submit: (code: string, options?: SubmitOptions) => Promise<Answer<Submitted>>;
  /** As `submit`; throws the answer's message when it is refused. */
  readonly accepted: (code: string, options?: SubmitOptions) => Promise<Submitted>;
};

export type Submitted = {readonly taskID: number; readonly execID: string};

export type SubmitOptions = {
  readonly runType?: 'shell' | 'python';
  readonly labels?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
};

const passwordOf = (name: string): string => `password of ${name}`;

/** Makes the account with `tenon user add`, while the node runs, and logs in. */
export async function addPerson(node: NodeProcess, name: string): Promise<Person> {
  const file = join(node.dataDirectory, `password-${name}`);
  writeFileSync(file, passwordOf(name), {mode: 0o600});
  const tenon = join(projectRoot, 'cli/tenon.ts');
  const args = ['user', 'add', name, '--password-file', file, '--data', node.dataDirectory];
  const {code, stderr} = await run(process.execPath, [tenon, ...args]);
  if (code !== 0) throw new Error(`tenon user add ended with ${code}: ${stderr}`);
  return logIn(node, name, passwordOf(name));
}

/** The administrator that the first start made. */
export async function administratorOf(node: NodeProcess): Promise<Person> {
  const {user, password} = node.credentials();
  return logIn(node, user, password);
}

async function logIn(node: NodeProcess, name: string, password: string): Promise<Person> {
  let cookie = '';
  const call = (path: string, {method, body, headers}: ApiRequest = {}): Promise<Response> =>
    fetch(new URL(path.startsWith('/') ? path : `/api/rest_j/v1/${path}`, node.url()), {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(body === undefined ? {} : {'content-type': 'application/json'}),
        ...(cookie === '' ? {} : {cookie}),
        ...headers,
      },
      ...(body === undefined ? {} : {body: typeof body === 'string' ? body : JSON.stringify(body)}),
    });
  const person: Person = {
    name,
    cookie: () => cookie,
    fetch: call,
    async api<Data>(path: string, init?: ApiRequest): Promise<Answer<Data>> {
      const response = await call(path, init);
      const text = await response.text();
      try {
        const envelope = JSON.parse(text) as Answer<Data>;
        return {...envelope, httpStatus: response.status, headers: response.headers};
      } catch {
        throw new Error(`${path} answered ${response.status} with no JSON: ${text.slice(0, 500)}`);
      }
    },
    submit: (code, {runType = 'shell', labels = {}, headers = {}} = {}) =>
      person.api('entrance/submit', {
        headers,
        body: {
          executionContent: {code, runType},
          labels: {
            engineType: runType === 'python' ? 'python-python3' : 'shell-1',
            userCreator: `${name}-IDE`,
            ...labels,
          },
        },
      }),
    async accepted(code, options) {
      const answer = await person.submit(code, options);
      if (answer.status !== 0) throw new Error(answer.message);
      return answer.data;
    },
  };
  const answer = await person.api('user/login', {body: {userName: name, password}});
  if (answer.status !== 0) throw new Error(answer.message);
  cookie = answer.headers
    .getSetCookie()
    .map(each => each.split(';', 1)[0] ?? '')
    .join('; ');
  return person;
}
