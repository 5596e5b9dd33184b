/**
 * People at the gateways of a simulated cluster: they submit, again with the same key when they hear nothing, kill and
 * look, and remember what they were told.
 */
import {LinkisError} from '../../actors/domain/errors.ts';
import {isTerminal} from '../../actors/domain/job.ts';
import type {Caller} from '../../actors/governance.ts';
import type {TaskScript} from '../support/engine-world.ts';
import type {ClusterLife, ClusterWorld} from './cluster-world.ts';

export type ClientJob = {
  readonly key: string;
  readonly code: string;
  readonly route: string | undefined;
  readonly script: TaskScript;
  /** What was answered last; `unknown`: nobody said anything. */
  outcome: 'open' | 'accepted' | 'refused' | 'unknown';
  taskID: number | undefined;
};

export type Clients = {
  readonly jobs: readonly ClientJob[];
  readonly submit: () => void;
  readonly kill: () => void;
  readonly look: () => void;
  /** Calls that have not settled though their gateway lives. */
  readonly open: () => readonly string[];
};

const caller: Caller = {
  user: 'alice',
  isAdmin: false,
  hasAdminToken: false,
  address: '127.0.0.1',
  requestId: 'sim',
};
const triesMax = 4;
const patienceMs = 12_000;
/** Nobody could say whether it was accepted. */
const unknownCode = 20_962;

type Call = {readonly what: string; readonly life: ClusterLife};

export function createClients(world: ClusterWorld): Clients {
  const {random, clock, violations, store, count, trace} = world;
  const jobs: ClientJob[] = [];
  const calls = new Set<Call>();
  const upTo = (max: number): number => Math.floor(random.next() * max);

  function gateway(): ClusterLife | undefined {
    const ready = world
      .lives()
      .filter(({process, node, isLeaving}) => process.mode === 'running' && node !== undefined && !isLeaving);
    return ready[upTo(ready.length)];
  }

  /** Rejects with undefined when its gateway says nothing for too long. */
  function call<T>(what: string, life: ClusterLife, run: () => Promise<T>): Promise<T> {
    const open: Call = {what: `${what} at ${life.process.incarnation}`, life};
    calls.add(open);
    trace(open.what);
    const running = run().finally(() => {
      trace(`${open.what} has settled`);
      calls.delete(open);
    });
    return new Promise((resolve, reject) => {
      const cancel = clock.after(patienceMs, () => reject(undefined));
      running.finally(cancel).then(resolve, reject);
    });
  }

  const wait = (ms: number): Promise<void> => new Promise(resolve => void clock.after(ms, resolve));

  async function send(job: ClientJob): Promise<void> {
    const {key, code, route, script} = job;
    const labels = {engineType: 'shell-1', userCreator: 'alice-IDE', ...(route === undefined ? {} : {route})};
    const startup = script.fails?.retryable === true ? {'linkis.task.retry.num': 1} : {};
    const body = {
      executionContent: {code, runType: 'shell'},
      labels,
      params: {configuration: {startup}},
    };
    let wasUnknown = false;
    for (let tries = 0; tries < triesMax; tries += 1) {
      const life = gateway();
      if (life?.node !== undefined) {
        const {governance} = life.node;
        try {
          const {taskID} = await call(`submit ${key}`, life, () =>
            governance.submit(body, caller, {idempotencyKey: key}),
          );
          accept(job, taskID);
          if (random.next() > 0.15) return;
          // Its answer was lost on the way to the client.
          count('submitted again');
        } catch (error) {
          if (!(error instanceof LinkisError) || error.code === unknownCode) wasUnknown = true;
          if (error instanceof Error && !(error instanceof LinkisError)) count(`submit: ${error.name}`);
          if (error instanceof LinkisError) count(`submit: ${error.code}`);
        }
      }
      await wait(200 + upTo(2000));
    }
    if (job.outcome === 'open') job.outcome = wasUnknown ? 'unknown' : 'refused';
    count(job.outcome);
  }

  function accept(job: ClientJob, taskID: number): void {
    if (job.taskID !== undefined && job.taskID !== taskID)
      violations.push(`key ${job.key} was accepted as job ${job.taskID} and as job ${taskID}`);
    if (!store.rows.has(taskID)) violations.push(`job ${taskID} was accepted, and has no row`);
    if (job.outcome === 'open') count('accepted');
    job.taskID = taskID;
    job.outcome = 'accepted';
  }

  function anyTask(): number | undefined {
    const ids = jobs.flatMap(({taskID}) => (taskID === undefined ? [] : [taskID]));
    return ids[upTo(ids.length)];
  }

  return {
    jobs,
    submit() {
      const dice = random.next();
      const script: TaskScript = {
        lines: upTo(12),
        durationMs: dice < 0.2 ? 0 : upTo(7000),
        ...(dice > 0.92
          ? {dies: true}
          : dice > 0.84
            ? {fails: {message: 'planned', retryable: true}}
            : dice > 0.8
              ? {fails: {message: 'planned', retryable: false}}
              : {}),
      };
      if (random.next() < 0.05) world.engines.failLaunches += 1;
      if (random.next() < 0.05) world.engines.failExecutes += 1;
      const key = `key-${jobs.length}`;
      const route = random.next() < 0.4 ? 'et1' : undefined;
      const code = JSON.stringify({...script, mark: key});
      const job: ClientJob = {
        key,
        code,
        route,
        script,
        outcome: 'open',
        taskID: undefined,
      };
      jobs.push(job);
      void send(job);
    },
    kill() {
      const taskID = anyTask();
      const life = gateway();
      if (taskID === undefined || life?.node === undefined) return;
      const {governance} = life.node;
      call(`kill ${taskID}`, life, () => governance.kill(taskID, caller)).then(
        ({result, status}) => {
          count(`kill: ${result}`);
          const now = store.rows.get(taskID)?.row.status;
          if (result !== 'underWay' && now !== status)
            violations.push(`kill of job ${taskID} said ${result} ${status}, its row says ${now}`);
        },
        (error: unknown) => count(`kill: ${error instanceof Error ? error.name : 'no answer'}`),
      );
    },
    look() {
      const taskID = anyTask();
      const life = gateway();
      if (taskID === undefined || life?.node === undefined) return;
      const {governance} = life.node;
      call(`find ${taskID}`, life, () => governance.find(taskID)).then(
        view => {
          if (view === undefined) violations.push(`accepted job ${taskID} was not found`);
          else if (isTerminal(view.status) && store.rows.get(taskID)?.row.status !== view.status)
            violations.push(`job ${taskID} was shown as ${view.status}, its row says something else`);
        },
        (error: unknown) => count(`find: ${error instanceof Error ? error.name : 'no answer'}`),
      );
    },
    open: () => [...calls].filter(({life}) => life.process.mode === 'running').map(({what}) => what),
  };
}
