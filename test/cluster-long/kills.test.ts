/**
 * 200 times `kill -9` of a node with the manager, an entrance or an ECM, or of an engine, chosen by a seed that is printed, while
 * jobs flow: nothing accepted is lost, what the ledger says is what runs, and no process stays. `TENON_TEST_KILLS` sets another
 * number, `TENON_TEST_SEED` chooses the same ones again.
 */
import test from 'ava';
import {readFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import type {NodeRole} from '../support/cluster-node.ts';
import {startClusterProcesses, type ClusterProcesses} from '../support/cluster-processes.ts';
import {nothingIsWrong} from '../support/cluster-verdict.ts';
import {runWorkload} from '../support/cluster-workload.ts';
import {diceOf, type Dice} from '../support/dice.ts';
import {processesUsing} from '../support/process-table.ts';

const nodes: readonly {readonly name: string; readonly roles: readonly NodeRole[]}[] = [
  {name: 'front1', roles: ['gateway', 'jobhistory', 'manager']},
  {name: 'front2', roles: ['gateway', 'jobhistory', 'manager']},
  {name: 'work1', roles: ['entrance', 'ecm']},
  {name: 'work2', roles: ['entrance', 'ecm']},
  {name: 'ecm', roles: ['ecm']},
];
const kills = Number(process.env['TENON_TEST_KILLS'] ?? 200);
/** A kill with the start after it takes about two seconds. */
const killMs = 2500;

type Drift = Readonly<Record<'drift' | 'missing' | 'unknown', readonly unknown[]>>;

function engineOf(cluster: ClusterProcesses, dice: Dice): number | undefined {
  const engines = processesUsing(cluster.directory).filter(({pid}) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'tenon-shell';
    } catch {
      return false;
    }
  });
  return engines.length === 0 ? undefined : dice.one(engines).pid;
}

test(`${kills} kills of managers, entrances, ECMs and engines lose nothing, and the ledger is right`, async t => {
  t.timeout(kills * killMs * 2 + 180_000);
  const seed = Number(process.env['TENON_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  t.log(`TENON_TEST_SEED=${seed}`);
  const dice = diceOf(seed);
  const cluster = await startClusterProcesses(t, {nodes});
  const killed: Record<string, number> = {};
  const everyMs = 500;
  const report = await runWorkload(cluster, {
    gateways: ['front1', 'front2'],
    jobs: Math.ceil((kills * killMs) / everyMs) + 20,
    everyMs,
    triesMax: 20,
    retryAfterMs: 500,
    faultAfter: 5,
    async fault() {
      for (let count = 0; count < kills; count += 1) {
        const name = dice.one(['engine', ...nodes.map(node => node.name)]);
        const engine = name === 'engine' ? engineOf(cluster, dice) : undefined;
        if (engine !== undefined) process.kill(engine, 'SIGKILL');
        else if (name !== 'engine') {
          await cluster.kill(name);
          await sleep(dice.upTo(1000));
          await cluster.restart(name);
        }
        killed[name] = (killed[name] ?? 0) + 1;
        await sleep(200 + dice.upTo(600));
      }
      return undefined;
    },
  });
  t.log(killed);
  nothingIsWrong(t, report, {mayFailMax: killed['engine'] ?? 0});
  let verified: Drift | undefined;
  for (let tries = 0; tries < 100 && !(verified && isClean(verified)); tries += 1) {
    await sleep(200);
    verified = (await cluster.api<Drift>('rm/verify')).data;
  }
  t.like(verified, {drift: [], missing: [], unknown: []});
});

const isClean = ({drift, missing, unknown}: Drift): boolean =>
  drift.length + missing.length + unknown.length === 0;
