/** Taking over more jobs than anybody wants in memory at once: 100,000 waiting ones fit a heap of 256 MB. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {systemRandom} from '../../actors/runtime/random.ts';
import {openDatabase} from '../../persistence/database.ts';
import {startNode} from '../support/node-process.ts';
import {storedJob} from '../support/stored-jobs.ts';

const jobs = 100_000;
const perCommit = 2000;

test('100,000 waiting jobs of a dead node are taken over in a heap of 256 MB, and can be ended one by one', async t => {
  const root = await mkdtemp(join(tmpdir(), 'tenon-large-'));
  t.teardown(() => rm(root, {recursive: true, force: true}));
  const file = join(root, 'shared.db');
  const database = await openDatabase({
    url: `sqlite:${file}`,
    dataDirectory: root,
    clock: systemClock,
    random: systemRandom,
    log: () => undefined,
  });
  for (let first = 1; first <= jobs; first += perCommit) {
    // oxlint-disable-next-line no-await-in-loop
    await database.jobs.commit(
      Array.from({length: perCommit}, (_, index) => ({
        type: 'insert' as const,
        ...storedJob({
          id: first + index,
          status: 'Inited',
          submitUser: 'ann',
          executeUser: 'ann',
          instances: '127.0.0.1:9#dead#1',
          labels: '{"engineType":"shell-1","userCreator":"ann-IDE","codeType":"shell"}',
          createdTime: Date.UTC(2026, 10, 22),
          updatedTime: Date.UTC(2026, 10, 22),
        }),
      })),
    );
  }
  await database.close();

  const node = await startNode(t, {
    args: ['--database', `sqlite:${file}`],
    environment: {
      NODE_OPTIONS: '--max-old-space-size=256',
      // One job holds the only place of the group, the others wait.
      TENON_GOVERNANCE_GROUP_RUNNING_MAX: '1',
    },
    readyTimeoutMs: 120_000,
    leavesEngines: true,
  });
  t.log(`ready after ${node.readyAfterMs().toFixed(0)} ms`);
  await node.login();
  const {data} = await node.api<{task?: {instance: string; status: string}}>(`jobhistory/${jobs}/get`);
  t.false(data.task?.instance === '127.0.0.1:9', 'it has another owner now');
  const instance = node.url().replace('http://', '');
  const service = 'linkis-cg-entrance';
  const lengths = [service, instance].map(text => String(text.length).padStart(3, '0')).join('');
  const execID = `exec_id${lengths}${service}${instance}IDE_ann_shell_${jobs}`;
  const killed = await node.api(`entrance/${execID}/kill`);
  t.is(killed.status, 0);
  const {data: after} = await node.api<{task?: {status: string}}>(`jobhistory/${jobs}/get`);
  t.is(after.task?.status, 'Cancelled');
});
