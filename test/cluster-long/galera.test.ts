/**
 * Galera as arbiter: three nodes, each with a database server of its own out of one Galera cluster, and one server killed
 * under load. Its node freezes and is taken over; when its server is back it learns that and ends itself.
 */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {setTimeout as sleep} from 'node:timers/promises';
import {bareOrm} from '../servers/server-fixture.ts';
import type {ClusterNodeSpec} from '../support/cluster-node.ts';
import {startClusterProcesses, type ClusterProcesses} from '../support/cluster-processes.ts';
import {nothingIsWrong} from '../support/cluster-verdict.ts';
import {runWorkload} from '../support/cluster-workload.ts';

const script = fileURLToPath(new URL('../../tools/galera.sh', import.meta.url));
const exitCodeAbsent = 3;
const exitCodeFenced = 70;
/** Of the node, from the death of its server: its lease, the second that its column hides, Galera's own pause, a look. */
const takeOverMsMax = 20_000;

type Galera = {
  /** `mysql://user:password@host:port` of each server, without a database. */
  readonly urls: readonly string[];
  /** SIGKILL; servers are counted from 1. */
  readonly kill: (n: number) => void;
  /** Resolves when it has what it missed. */
  readonly start: (n: number) => void;
};

const directory = mkdtempSync(join(tmpdir(), 'tenon-galera-'));
// Started while the file is loaded, since AVA must know by then which tests there are.
const galera = startGalera();
test.after.always(() => {
  galeraScript('stop', '--remove');
  rmSync(directory, {recursive: true, force: true});
});

function galeraScript(...args: readonly string[]): {status: number | null; stdout: string; stderr: string} {
  return spawnSync(script, [...args, '--dir', directory], {encoding: 'utf8'});
}

function startGalera(): Galera | {readonly absent: string} {
  const {status, stdout, stderr} = galeraScript('start');
  if (status === exitCodeAbsent) return {absent: stderr.trim().split('\n').at(-1) ?? ''};
  if (status !== 0) {
    galeraScript('stop', '--remove');
    throw new Error(`Galera did not start:\n${stdout}${stderr}`);
  }
  return {
    urls: [...stdout.matchAll(/^GALERA_\d_URL=(.*)$/gm)].map(([, url = '']) => url),
    kill: n => void galeraScript('kill', `${n}`),
    start(n) {
      const again = galeraScript('start', `${n}`);
      if (again.status !== 0) throw new Error(`Server ${n} did not come back:\n${again.stderr}`);
    },
  };
}

let databases = 0;

async function freshDatabase(url: string): Promise<string> {
  databases += 1;
  const name = `g${databases}_${process.pid}`;
  const orm = await bareOrm(`${url}/mysql`);
  await orm.driver.getConnection().execute(`create database ${name} character set utf8mb4`);
  await orm.close(true);
  return name;
}

async function untilGone(cluster: ClusterProcesses, via: string, instance: string): Promise<void> {
  type Nodes = {readonly nodes: readonly {readonly instance: string}[]};
  const isListed = async (): Promise<boolean> => {
    const {status, data} = await cluster.api<Nodes>('cluster/nodes', {via});
    return status !== 0 || data.nodes.some(node => node.instance === instance);
  };
  for (const deadline = performance.now() + 30_000; await isListed().catch(() => true);) {
    if (performance.now() > deadline) throw new Error(`${via} still lists ${instance}`);
    await sleep(200);
  }
}

const withGalera = 'absent' in galera ? test.skip : test.serial;
const reason = 'absent' in galera ? `: ${galera.absent}` : '';

withGalera(
  `a server of three is killed: its node is taken over, nothing is lost or doubled${reason}`,
  async t => {
    t.timeout(150_000);
    if ('absent' in galera) return t.fail(galera.absent);
    const {urls} = galera;
    const name = await freshDatabase(urls[0] ?? '');
    const nodes = ['one', 'two', 'three'].map((node, n): ClusterNodeSpec => ({
      name: node,
      roles: ['gateway', 'entrance', 'manager', 'ecm', 'jobhistory'],
      args: ['--database', `${urls[n]}/${name}`],
    }));
    const cluster = await startClusterProcesses(t, {nodes, database: {mysql: `${urls[0]}/${name}`}});
    const three = cluster.node('three');

    const report = await runWorkload(cluster, {
      gateways: ['one', 'two'],
      jobs: 80,
      everyMs: 100,
      triesMax: 30,
      retryAfterMs: 1000,
      async fault() {
        const atMs = Date.now();
        galera.kill(3);
        // Until all know it, that node is asked for its logs, and can't look up whose they are.
        for (const via of ['one', 'two']) await untilGone(cluster, via, three.instance);
        return {instance: three.instance, atMs};
      },
    });
    nothingIsWrong(t, report, {mayBeAway: three.instance});
    t.true(report.takeOver.count > 0, 'it owned jobs when its server died');
    t.true(report.takeOver.maxMs <= takeOverMsMax, `${report.takeOver.maxMs} ms`);
    t.true(three.isRunning(), 'it can not know yet that it is dead');
    t.regex(three.log(), /the lease could not be renewed/);
    const refused = await cluster.trySubmit('true', {via: 'three'}).catch(String);
    t.false(typeof refused === 'object' && refused.status === 0, 'it takes nothing that it could not keep');

    galera.start(3);
    const code = await Promise.race([three.exited(), sleep(15_000, 'still there')]);
    t.is(code, exitCodeFenced);
    await cluster.restart('three');
    for (const why of report.unreadLogs) {
      const task = await cluster.status(Number(/log of job (\d+)/.exec(why)?.[1]));
      t.true((await cluster.log(task)).length > 0, 'named while its node was away, read when it is back');
    }
    for (const via of ['one', 'two', 'three']) {
      const {taskID} = await cluster.submit('true', {via});
      t.is((await cluster.ended(taskID)).status, 'Succeed');
      t.true(via === 'three' || cluster.node(via).isRunning());
    }
  },
);
