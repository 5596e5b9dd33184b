/** Sections 1 and 2 of the protocol: launch, directory, secret, what an engine's processes can see. */
import {readFile, readdir, readlink, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {isAlive, readBootId} from '../../process-identity.ts';
import {markVariable} from '../../process-sweep.ts';
import {must} from '../conformance-errors.ts';
import type {EngineCheck, EngineTrial} from '../engine-trial.ts';
import {readIdentity, type TrialProcess} from '../trial-engine.ts';

/** How long a job may take to have a process, if it is to have one. */
const appearMs = 1500;
const settleMs = 200;

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

/** What stands in a file of /proc; empty for a process that has gone. */
const procFile = (pid: number, name: string): Promise<string> =>
  readFile(join('/proc', String(pid), name), 'latin1').catch(() => '');

/** A job that sleeps, and the processes that came with it: all that carry the mark, but the engine. */
async function withSleepingJob(
  trial: EngineTrial,
): Promise<{readonly engine: TrialProcess; readonly pids: readonly number[]}> {
  const engine = await trial.launch();
  const owner = await trial.attach(engine);
  await owner.request('execute', trial.task('sleep', {seconds: 60}));
  // An engine that runs code in its own process has none; it gets a moment to show that it has.
  const deadline = trial.patience.now() + appearMs;
  const find = async (): Promise<number[]> => (await engine.processes()).filter(pid => pid !== engine.pid);
  await trial.patience.until(
    'the processes of a job',
    async () => (await find()).length > 0 || trial.patience.now() > deadline,
  );
  // Between fork and exec a process still looks like its parent.
  await trial.patience.wait(settleMs);
  return {engine, pids: await find()};
}

const links = async (pid: number): Promise<string[]> => {
  const folder = join('/proc', String(pid), 'fd');
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.map(name => readlink(join(folder, name)).catch(() => '')));
};

const childrenOf = async (pid: number): Promise<number[]> =>
  (await procFile(pid, `task/${pid}/children`))
    .split(' ')
    .filter(text => text !== '')
    .map(Number);

export const launchChecks: readonly EngineCheck[] = [
  {
    name: 'launch/ready',
    why: 'The launcher connects as soon as descriptor 3 speaks, and waits on it as long as anybody holds it.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      await readIdentity(engine);
      (await trial.wire(engine)).cut();
      await trial.patience.within('the end of file on descriptor 3', engine.readyClosed);
    },
  },
  {
    name: 'launch/engine-json',
    why: 'A later node finds the engine by engine.json, and tells its process from another with the same pid.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const {pid, startTime, bootId, cgroup, ...identity} = await readIdentity(engine);
      const {engineId, socketPath, mark, settings} = engine;
      const {engineType, user, creator} = settings;
      const expected = {protocolVersion: 1, engineId, engineType, user, creator, socketPath, mark};
      for (const [name, value] of Object.entries(expected)) {
        must(
          identity[name] === value,
          `engine.json has ${name} ${JSON.stringify(identity[name])}, not ${value}`,
        );
      }
      must(typeof pid === 'number' && typeof startTime === 'number', 'engine.json lacks pid or startTime');
      must(
        bootId === (await readBootId()),
        `engine.json has bootId ${String(bootId)}, which is not this boot's`,
      );
      must(
        await isAlive({pid, startTime, bootId}),
        `engine.json names pid ${pid}, start ${startTime}: no such process`,
      );
      must(
        cgroup === null || cgroup === undefined || typeof cgroup === 'string',
        'cgroup is neither a path nor null',
      );
    },
  },
  {
    name: 'launch/private-files',
    why: 'Who can read the secret, or connect to the socket, can run code as the engine’s user.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      for (const path of [join(engine.path, 'engine.json'), join(engine.path, 'secret'), engine.socketPath]) {
        must((await modeOf(path)) === '600', `${path} has mode ${await modeOf(path)}, not 600`);
      }
      const stored = await readFile(join(engine.path, 'secret'), 'utf8');
      must(stored === `${engine.secret}\n`, 'the file secret does not hold the secret and a line feed');
    },
  },
  {
    name: 'launch/secret-hidden',
    why: 'Command lines and environments are shown to others, and log files are quoted in messages.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, pids} = await withSleepingJob(trial);
      for (const pid of [engine.pid, ...pids]) {
        for (const name of ['cmdline', 'environ']) {
          must(
            !(await procFile(pid, name)).includes(engine.secret),
            `the secret stands in ${name} of process ${pid}`,
          );
        }
      }
      for (const name of ['host.log', 'engine.json']) {
        const text = await readFile(join(engine.path, name), 'utf8');
        must(!text.includes(engine.secret), `the secret stands in ${name}`);
      }
    },
  },
  {
    name: 'launch/long-socket-path',
    why: 'A socket path may have 107 bytes, which is all the kernel takes.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch({socketPathBytes: 107});
      await trial.attach(engine);
    },
  },
  {
    name: 'launch/unknown-fields',
    why: 'A later node may tell an engine more than this version knows.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch({more: {later: {than: ['this']}}});
      await trial.attach(engine);
    },
  },
  {
    name: 'launch/no-configuration',
    why: 'A launcher that died half-way must not leave an engine that nobody knows.',
    needs: [],
    async run(trial) {
      await trial.launch();
      const engine = await trial.launchUnconfigured();
      const {code, signal} = await trial.patience.within('its end without a configuration', engine.exited);
      must(!(await engine.said), 'it said on descriptor 3 that it is ready, without a configuration');
      must(
        code !== 0,
        `without a configuration it ended with ${signal ?? `code ${code}`}, as if all were well`,
      );
    },
  },
  {
    name: 'jobs/mark',
    why: 'What a job started is found by its mark when the engine was killed.',
    needs: ['sleep'],
    async run(trial) {
      const {engine} = await withSleepingJob(trial);
      for (const pid of await childrenOf(engine.pid)) {
        const environment = (await procFile(pid, 'environ')).split('\0');
        const isGone = environment.length === 1;
        must(
          isGone || environment.includes(`${markVariable}=${engine.mark}`),
          `process ${pid} (${(await procFile(pid, 'cmdline')).replaceAll('\0', ' ')}) does not carry the mark`,
        );
      }
    },
  },
  {
    name: 'jobs/descriptors',
    why: 'A job that inherits the engine’s sockets or its spool could speak for the engine.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, pids} = await withSleepingJob(trial);
      const own = await links(engine.pid);
      const kept = new Set(own.filter(link => link.startsWith('socket:') || link.endsWith('/spool')));
      for (const pid of pids) {
        const shared = (await links(pid)).filter(link => kept.has(link));
        must(shared.length === 0, `process ${pid} of the job holds ${shared.join(', ')}, as the engine does`);
      }
    },
  },
  {
    name: 'jobs/environment',
    why: 'The environment that a request names is the job’s.',
    needs: ['variable'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const environment = {CONFORMANCE_VARIABLE: 'value of the request'};
      const {spool} = await trial.run(engine, owner, trial.task('variable', {}, {environment}));
      must(
        spool.log.includes('value of the request\n'),
        `the job printed ${JSON.stringify(spool.log)} instead`,
      );
    },
  },
];
