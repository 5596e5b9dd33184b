/**
 * A cluster as its users start it: several node processes on loopback, one shared database, one secret. Nodes are killed,
 * paused, stopped and started again by name; teardown leaves no process, engines of all data directories included, and
 * when the test has failed shows what each node wrote.
 */
import {randomBytes} from 'node:crypto';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {clusterClient, logLines, resultRows, type ClusterClient, type ClusterTask} from './cluster-client.ts';
import {clusterCuts, type ClusterCuts} from './cluster-cuts.ts';
import {
  clusterNode,
  freePort,
  type ClusterNode,
  type ClusterNodeSpec,
  type ClusterPlace,
} from './cluster-node.ts';
import {openJobAudit, type JobAudit} from './job-audit.ts';
import {jobEnds} from './node-jobs.ts';
import type {Answer, ApiRequest} from './node-process.ts';
import {killAll, processesUsing} from './process-table.ts';

export type ClusterOptions = {
  readonly nodes: readonly ClusterNodeSpec[];
  /** One file for all, by default; or a server's fresh database. */
  readonly database?: 'sqlite' | {readonly mysql: string};
  readonly administrator?: string;
  /** For every node. */
  readonly args?: readonly string[];
  /** Each node is dialled through a proxy, so that links can be cut: see `cuts`. */
  readonly isProxied?: boolean;
};

export type Submitting = {
  /** Of the route. */
  readonly label?: string;
  /** Name of the gateway; else any that runs. */
  readonly via?: string;
  readonly idempotencyKey?: string;
};

export type Submitted = {readonly taskID: number; readonly execID: string};

export type ClusterProcesses = {
  /** Everything lies in here; for witness files too. */
  readonly directory: string;
  readonly place: ClusterPlace;
  readonly client: ClusterClient;
  readonly audit: JobAudit;
  /** Of a proxied cluster. */
  readonly cuts: ClusterCuts;
  readonly node: (name: string) => ClusterNode;
  /** Name of the node with that cluster endpoint. */
  readonly nameOf: (instance: string) => string;
  /** Of the named gateway, or of any that runs. */
  readonly url: (via?: string) => string;
  readonly api: <Data = Record<string, unknown>>(
    path: string,
    init?: ApiRequest & {readonly via?: string | undefined},
  ) => Promise<Answer<Data>>;
  /** A node that is not started yet, on `instance` or a port of its own; known by name from here on. */
  readonly add: (spec: ClusterNodeSpec, instance?: string) => Promise<ClusterNode>;
  /** One more node, on `instance` or a port of its own; resolves when gateways choose it, rejects with what it wrote. */
  readonly start: (spec: ClusterNodeSpec, instance?: string) => Promise<ClusterNode>;
  /** SIGKILL; resolves with the Unix time of the kill when the process is gone. */
  readonly kill: (name: string) => Promise<number>;
  /** SIGTERM; resolves with the exit code, or the signal it died of. */
  readonly stop: (name: string) => Promise<number | NodeJS.Signals>;
  /** Starts it again on its data directory, once it has ended. */
  readonly restart: (name: string) => Promise<void>;
  readonly pause: (name: string) => void;
  readonly resume: (name: string) => void;
  readonly trySubmit: (code: string, options?: Submitting) => Promise<Answer<Submitted>>;
  /** Throws the answer's message when it is refused. */
  readonly submit: (code: string, options?: Submitting) => Promise<Submitted>;
  readonly status: (taskID: number, via?: string) => Promise<ClusterTask>;
  /** Polls, as clients do. */
  readonly until: (
    taskID: number,
    what: string,
    isIt: (task: ClusterTask) => boolean,
    limitMs?: number,
  ) => Promise<ClusterTask>;
  readonly ended: (taskID: number, limitMs?: number) => Promise<ClusterTask>;
  readonly log: (task: ClusterTask, via?: string) => Promise<string[]>;
  readonly results: (task: ClusterTask, via?: string) => Promise<string[][]>;
};

const password = 'the password of the cluster';
const endMsMax = 20_000;
const chosenMsMax = 10_000;

/** The first node is started alone, since it makes the database; the others at once after it. */
export async function startClusterProcesses(
  t: ExecutionContext,
  {nodes: specs, database = 'sqlite', administrator = 'hadoop', args = [], isProxied = false}: ClusterOptions,
): Promise<ClusterProcesses> {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-cluster-'));
  const place: ClusterPlace = {
    directory,
    databaseUrl: database === 'sqlite' ? `sqlite:${join(directory, 'shared', 'tenon.db')}` : database.mysql,
    secretFile: join(directory, 'secret'),
    administrator,
    passwordFile: join(directory, 'password'),
  };
  mkdirSync(join(directory, 'shared'));
  writeFileSync(place.secretFile, randomBytes(48).toString('base64'), {mode: 0o600});
  writeFileSync(place.passwordFile, password, {mode: 0o600});

  const nodes = new Map<string, ClusterNode>();
  const cuts = clusterCuts(() => [...nodes.values()]);
  const ports: number[] = [];
  // Engines outlive a node that was killed and not started again.
  const abandoned = new Set<string>();
  let audit: JobAudit | undefined;

  t.teardown(async () => {
    const complaints: string[] = [];
    cuts.heal();
    await Promise.all([...nodes.values()].map(node => end(node, complaints)));
    await audit?.close();
    await cuts.close();
    const left = await goneWithin(abandoned.size > 0 || complaints.length > 0 ? 0 : 10_000, directory);
    killAll(left);
    if (abandoned.size === 0 && left.length > 0)
      complaints.push(`processes are left: ${JSON.stringify(left)}`);
    const isKept = !t.passed && process.env['TENON_TEST_KEEPS'] !== undefined;
    if (isKept) t.log(`kept: ${directory}`);
    else rmSync(directory, {recursive: true, force: true, maxRetries: 5, retryDelay: 100});
    if (!t.passed || complaints.length > 0) {
      for (const {name, instance, log} of nodes.values()) {
        t.log(`---- ${name} (${instance}) wrote at last:\n${log().slice(-6000)}`);
      }
    }
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
  });

  async function end(node: ClusterNode, complaints: string[]): Promise<void> {
    if (!node.isRunning()) return;
    node.signal('SIGCONT');
    node.signal('SIGTERM');
    const isGone = await Promise.race([node.exited().then(() => true), sleep(endMsMax, false, {ref: true})]);
    if (isGone) return;
    node.signal('SIGKILL');
    await node.exited();
    complaints.push(`${node.name} did not end within ${endMsMax} ms of SIGTERM`);
  }

  async function add(spec: ClusterNodeSpec, instance?: string): Promise<ClusterNode> {
    const port = await newPort();
    const joins = [...nodes.values()].slice(0, 1).map(node => node.instance);
    const behind = isProxied ? ['--cluster-listen', `127.0.0.1:${await proxied(spec.name, port)}`] : [];
    const made = clusterNode(
      place,
      {...spec, args: [...behind, ...args, ...(spec.args ?? [])]},
      instance ?? `127.0.0.1:${port}`,
      joins,
    );
    nodes.set(spec.name, made);
    return made;
  }

  async function newPort(): Promise<number> {
    const port = await freePort(ports);
    ports.push(port);
    return port;
  }

  /** The port to listen at behind the proxy. */
  async function proxied(name: string, port: number): Promise<number> {
    const behind = await newPort();
    await cuts.place(name, port, behind);
    return behind;
  }

  const nodeOf = (name: string): ClusterNode => {
    const node = nodes.get(name);
    if (node === undefined) throw new Error(`There is no node ${name}.`);
    return node;
  };
  const url = (via?: string): string => {
    if (via !== undefined) return nodeOf(via).url();
    const gateway = [...nodes.values()].find(node => node.roles.includes('gateway') && node.isRunning());
    if (gateway === undefined) throw new Error('No gateway runs.');
    return gateway.url();
  };
  const client = clusterClient();
  const api = <Data>(
    path: string,
    {via, ...init}: ApiRequest & {readonly via?: string | undefined} = {},
  ): Promise<Answer<Data>> => client.api<Data>(url(via), path, init);

  /** Its ready line says that it serves; that a gateway knows it takes up to a second more. */
  async function isChosen({name, roles, label = '', instance}: ClusterNode): Promise<void> {
    if (!roles.includes('entrance')) return;
    type Preview = {readonly candidates: readonly {readonly instance: string}[]};
    const gateways = [...nodes.values()].filter(node => node.roles.includes('gateway') && node.url() !== '');
    for (const gateway of gateways) {
      for (const deadline = performance.now() + chosenMsMax; gateway.isRunning();) {
        const {data} = await client.api<Preview>(gateway.url(), `gateway/route/preview?route=${label}`);
        if (data.candidates.some(candidate => candidate.instance === instance)) break;
        if (performance.now() > deadline) {
          throw new Error(`${gateway.name} does not know ${name} (${instance}): ${JSON.stringify(data)}`);
        }
        await sleep(25);
      }
    }
  }

  for (const spec of specs) await add(spec);
  const [first, ...others] = [...nodes.values()];
  await first?.start();
  audit = await openJobAudit(place.databaseUrl);
  const opened = audit;
  await Promise.all(others.map(node => node.start()));
  await client.login(url(), administrator, password);
  for (const node of nodes.values()) await isChosen(node);

  const cluster: ClusterProcesses = {
    directory,
    place,
    client,
    audit: opened,
    cuts,
    node: nodeOf,
    nameOf: instance => [...nodes.values()].find(node => node.instance === instance)?.name ?? instance,
    url,
    api,
    add,
    async start(spec, instance) {
      const node = await add(spec, instance);
      await node.start();
      await isChosen(node);
      return node;
    },
    async kill(name) {
      abandoned.add(name);
      const atMs = Date.now();
      nodeOf(name).signal('SIGKILL');
      await nodeOf(name).exited();
      return atMs;
    },
    stop(name) {
      nodeOf(name).signal('SIGTERM');
      return nodeOf(name).exited();
    },
    async restart(name) {
      await nodeOf(name).exited();
      await nodeOf(name).start();
      await isChosen(nodeOf(name));
      abandoned.delete(name);
    },
    pause: name => nodeOf(name).signal('SIGSTOP'),
    resume: name => nodeOf(name).signal('SIGCONT'),
    trySubmit: (code, {label, via, idempotencyKey} = {}) =>
      api<Submitted>('entrance/submit', {
        via,
        headers: idempotencyKey === undefined ? {} : {'idempotency-key': idempotencyKey},
        body: {
          executionContent: {code, runType: 'shell'},
          labels: {
            engineType: 'shell-1',
            userCreator: `${administrator}-IDE`,
            ...(label === undefined ? {} : {route: label}),
          },
        },
      }),
    async submit(code, options) {
      const answer = await cluster.trySubmit(code, options);
      if (answer.status !== 0) throw new Error(answer.message);
      return answer.data;
    },
    async status(taskID, via) {
      const answer = await api<{task: ClusterTask}>(`jobhistory/${taskID}/get`, {via});
      if (answer.status !== 0) throw new Error(answer.message);
      return answer.data.task;
    },
    async until(taskID, what, isIt, limitMs = 45_000) {
      for (const startMs = performance.now(); ;) {
        const task = await cluster.status(taskID);
        if (isIt(task)) return task;
        if (performance.now() - startMs > limitMs) {
          const changes = (await opened.changes()).filter(change => change.taskID === taskID);
          throw new Error(
            `job ${taskID} is not ${what} after ${limitMs} ms: ${JSON.stringify(task)}; its row: ${JSON.stringify(changes)}`,
          );
        }
        await sleep(50);
      }
    },
    ended: (taskID, limitMs) =>
      cluster.until(taskID, 'at its end', ({status}) => jobEnds.includes(status), limitMs),
    log: (task, via) => logLines(client, url(via), task),
    results: (task, via) => resultRows(client, url(via), task),
  };
  return cluster;
}

/** What is still running out of the directory when everything is gone, or at the deadline. */
async function goneWithin(limitMs: number, directory: string): Promise<ReturnType<typeof processesUsing>> {
  const deadline = performance.now() + limitMs;
  let left = processesUsing(directory);
  // No event tells of the end of processes that are not our children.
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(50);
    left = processesUsing(directory);
  }
  return left;
}
