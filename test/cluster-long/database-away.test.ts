/**
 * The database away under a cluster while jobs flow: dead, silent, or answering into the void. Running jobs go on, new ones
 * are refused or truly accepted, nobody dies of it, and afterwards everything ends once.
 */
import test from 'ava';
import {setTimeout as sleep} from 'node:timers/promises';
import {freshServerDatabase, startServer, type Server} from '../servers/server-fixture.ts';
import type {ClusterNodeSpec, NodeRole} from '../support/cluster-node.ts';
import {startClusterProcesses, type ClusterProcesses} from '../support/cluster-processes.ts';
import {nothingIsWrong} from '../support/cluster-verdict.ts';
import {runWorkload} from '../support/cluster-workload.ts';
import {startTcpProxy, type TcpProxy} from '../support/tcp-proxy.ts';

/** Longer than a lease (10 s) and the second that its column hides, so that every lease has run out when it is back. */
const awayMs = 1000 * Number(process.env['TENON_TEST_AWAY_S'] ?? 13);
const roles: readonly NodeRole[] = ['gateway', 'entrance', 'manager', 'ecm', 'jobhistory'];
const names = ['one', 'two', 'three'];

const started = startServer('mariadb');
let server: Server | undefined = 'absent' in started ? undefined : started;
test.after.always(() => server?.remove());
const withServer = server === undefined ? test.skip : test.serial;
const reason = 'absent' in started ? `: ${started.absent}` : '';

type World = {readonly cluster: ClusterProcesses; readonly proxy: TcpProxy; readonly server: Server};

/** The proxy stands between the nodes and the database; the audit goes to it directly. */
async function startWorld(t: Parameters<typeof startClusterProcesses>[0]): Promise<World> {
  if (server === undefined) throw new Error(reason);
  const direct = await freshServerDatabase(server);
  const url = new URL(direct);
  const proxy = await startTcpProxy({targetPort: Number(url.port)});
  url.port = String(proxy.port);
  const nodes: readonly ClusterNodeSpec[] = names.map(name => ({
    name,
    roles,
    args: ['--database', url.href],
  }));
  const cluster = await startClusterProcesses(t, {nodes, database: {mysql: direct}});
  // Undone last first: nodes still need it when they leave.
  t.teardown(() => proxy.close());
  return {cluster, proxy, server};
}

/** Ends it; resolves when it is to come back, with what a client saw of it. */
const seesItAway = async ({cluster}: World): Promise<readonly string[]> => {
  // The first to come may still wait for the answers of before.
  await sleep(awayMs / 2);
  return Promise.all(
    names.map(async via => {
      const {status, message} = await cluster.trySubmit('true', {via});
      return status === 0 ? 'accepted' : message;
    }),
  );
};

const away = test.macro<[leave: (world: World) => void, comeBack: (world: World) => void]>(
  async (t, leave, comeBack) => {
    t.timeout(150_000);
    const world = await startWorld(t);
    const {cluster} = world;
    const whileAway = await cluster.submit(`sleep ${awayMs / 1000 + 8}; echo through it all`);
    await cluster.until(whileAway.taskID, 'running', ({status}) => status === 'Running');

    const answers: string[] = [];
    const report = await runWorkload(cluster, {
      gateways: names,
      jobs: 60,
      everyMs: 120,
      triesMax: 40,
      retryAfterMs: 1000,
      async fault() {
        leave(world);
        const begunMs = performance.now();
        answers.push(...(await seesItAway(world)));
        await sleep(awayMs - (performance.now() - begunMs));
        comeBack(world);
        return undefined;
      },
    });
    t.log(answers);
    nothingIsWrong(t, report);
    t.is(answers.length, names.length);
    for (const answer of answers) t.regex(answer, /^accepted$|20052|20962/);
    t.true(report.repeated > 0, 'some were refused meanwhile, and said so');
    const task = await cluster.ended(whileAway.taskID);
    t.is(task.status, 'Succeed', JSON.stringify(task));
    t.true((await cluster.log(task)).includes('through it all'));
    for (const name of names) {
      t.true(cluster.node(name).isRunning(), `${name} lives`);
      t.regex(cluster.node(name).log(), /the lease could not be renewed/, `${name} froze`);
      t.notRegex(cluster.node(name).log(), /declared dead/, `${name} took nobody for dead`);
      const {taskID} = await cluster.submit('true', {via: name});
      t.is((await cluster.ended(taskID)).status, 'Succeed');
    }
  },
);

withServer(
  `the database is killed, and started again after ${awayMs / 1000} s${reason}`,
  away,
  world => void process.kill(world.server.pid, 'SIGKILL'),
  world => {
    server = world.server.restart();
  },
);

withServer(
  `the database is silent for ${awayMs / 1000} s, and then gets all that was held back${reason}`,
  away,
  ({proxy}) => proxy.blackhole('both'),
  ({proxy}) => proxy.pass(),
);

/** Uneven, and the same in every run. */
const momentsMs = [310, 170, 620, 90, 440, 260, 530, 130, 380, 700, 210, 480];

withServer(`statements are done and their answers lost, again and again${reason}`, async t => {
  t.timeout(150_000);
  const {cluster, proxy} = await startWorld(t);
  const report = await runWorkload(cluster, {
    gateways: names,
    jobs: 80,
    everyMs: 100,
    faultAfter: 5,
    triesMax: 10,
    retryAfterMs: 300,
    async fault() {
      for (const momentMs of momentsMs) {
        await sleep(momentMs);
        proxy.blackhole('toClient');
        // Time for the database to do what was asked; then nobody will ever hear of it.
        await sleep(120);
        proxy.reset();
        proxy.pass();
      }
      return undefined;
    },
  });
  nothingIsWrong(t, report);
  for (const name of names) t.true(cluster.node(name).isRunning(), `${name} lives`);
});
