/**
 * A whole node, its database and its engines in one process, on a manual clock and a seed: jobs are submitted and killed,
 * the node dies and comes back, the database is away, slow, hangs, or commits and loses the answer. Once all is well
 * again every accepted job must have its one true end.
 */
import {startGovernanceNode, type GovernanceNode} from '../../actors/governance-node.ts';
import {createJobFeed} from '../../actors/job-feed.ts';
import {isTerminal} from '../../actors/domain/job.ts';
import type {Caller} from '../../actors/governance.ts';
import type {JobUpdate} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {startActorSystem} from '../../actors/runtime/system.ts';
import {createEngineWorld, type TaskScript} from '../support/engine-world.ts';
import {manualClock} from '../support/manual-clock.ts';
import {governanceFixture} from '../support/node-fixture.ts';
import {createCheckedStore, type DatabaseMood, type Plant} from './checked-store.ts';
import {createMemoryLogs} from './memory-logs.ts';

export type SimulationReport = {
  readonly seed: number;
  readonly accepted: number;
  readonly refused: number;
  readonly crashes: number;
  readonly violations: readonly string[];
};

const caller: Caller = {
  user: 'alice',
  isAdmin: false,
  hasAdminToken: false,
  address: '127.0.0.1',
  requestId: 'sim',
};
const quiet = {info() {}, warn() {}, error() {}};
const moods: readonly DatabaseMood[] = ['up', 'up', 'away', 'losesAnswers', 'slow', 'hangs'];

type Incarnation = {readonly started: Promise<GovernanceNode>; node: GovernanceNode | undefined; die(): void};

/** Plays one seed; a violation is a sentence with the job's number. The same seed gives the same report. */
export async function simulate(seed: number, plant: Plant = 'none', steps = 60): Promise<SimulationReport> {
  const random = seededRandom(seed);
  const clock = manualClock(1_700_000_000_000);
  const store = createCheckedStore(clock, plant);
  const engines = createEngineWorld(clock);
  const logs = createMemoryLogs(plant === 'rereadsSpool');
  const outbox: JobUpdate[] = [];
  const violations: string[] = [];
  const accepted = new Map<number, TaskScript>();
  const refused: string[] = [];
  let crashes = 0;
  let incarnations = 0;
  let current: Incarnation = start();

  function start(): Incarnation {
    incarnations += 1;
    const driver = engines.driver();
    const view = store.view();
    const lifetime = mortalClock(clock);
    const system = startActorSystem({name: `sim-${incarnations}`, clock: lifetime, random, log: quiet});
    const self = {instance: 'localhost:9001', incarnation: `i${incarnations}`};
    const dead = (): Promise<never> => new Promise(() => undefined);
    const started = startGovernanceNode(
      {
        system,
        store: view,
        ping: () => view.ping(),
        logs,
        feed: createJobFeed(),
        clock: lifetime,
        log: quiet,
        driver: plant === 'noAdoption' ? {...driver, adoptAll: async () => []} : driver,
        outbox: {
          async append(updates) {
            if (lifetime.isCut()) return dead();
            if (plant !== 'noOutbox') outbox.push(...updates);
          },
          pending: async () => [...outbox],
          async clear() {
            if (lifetime.isCut()) return dead();
            outbox.length = 0;
          },
        },
        isAlive: owner => owner.incarnation === self.incarnation,
        routeLabel: () => undefined,
      },
      governanceFixture(self),
    );
    const incarnation: Incarnation = {
      started,
      node: undefined,
      die() {
        driver.cut();
        view.cut();
        lifetime.cut();
      },
    };
    void started.then(node => {
      incarnation.node = node;
    });
    return incarnation;
  }

  function submit(): void {
    const {node} = current;
    if (node === undefined) return;
    const dice = random.next();
    const script: TaskScript = {
      lines: Math.floor(random.next() * 30),
      durationMs: Math.floor(random.next() * 3000),
      ...(dice < 0.1 ? {fails: {message: 'planned', retryable: false}} : dice < 0.15 ? {dies: true} : {}),
    };
    if (random.next() < 0.05) engines.failLaunches += 1;
    if (random.next() < 0.05) engines.failExecutes += 1;
    const code = JSON.stringify({...script, mark: random.next()});
    const labels = {engineType: 'shell-1', userCreator: 'alice-IDE'};
    void node.governance.submit({executionContent: {code, runType: 'shell'}, labels}, caller, {}).then(
      ({taskID}) => accepted.set(taskID, script),
      () => refused.push(code),
    );
  }

  function kill(): void {
    const ids = [...accepted.keys()];
    const taskID = ids[Math.floor(random.next() * ids.length)];
    if (taskID === undefined || current.node === undefined) return;
    void current.node.governance.kill(taskID, caller).then(
      ({result}) => {
        const status = store.rows.get(taskID)?.row.status;
        if (result === 'ended' && status !== 'Cancelled')
          violations.push(`kill of job ${taskID} said ended, its row says ${status}`);
      },
      () => undefined,
    );
  }

  async function crash(): Promise<void> {
    current.die();
    crashes += 1;
    await turns(2);
    clock.advance(Math.floor(random.next() * 2000));
    current = start();
  }

  for (let step = 0; step < steps; step += 1) {
    const die = random.next();
    if (die < 0.45) submit();
    else if (die < 0.52) kill();
    else if (die < 0.62) store.mood = moods[Math.floor(random.next() * moods.length)] ?? 'up';
    else if (die < 0.66) await crash();
    else clock.advance(Math.floor(random.next() * 400));
    await turns(1 + Math.floor(random.next() * 4));
  }
  store.mood = 'up';
  for (let round = 0; round < 400; round += 1) {
    clock.advance(250);
    await turns(3);
    if (
      round > 20 &&
      [...accepted.keys()].every(id => isTerminal(store.rows.get(id)?.row.status ?? 'Inited')) &&
      [...store.rows.values()].every(({row}) => isTerminal(row.status)) &&
      outbox.length === 0
    )
      break;
  }
  await turns(10);
  check();
  current.die();
  return {
    seed,
    accepted: accepted.size,
    refused: refused.length,
    crashes,
    violations: [...store.violations, ...violations],
  };

  function check(): void {
    if (current.node === undefined) violations.push('the node did not come up again');
    for (const [taskID, script] of accepted) checkJob(taskID, script);
    for (const [name, times] of engines.begun)
      if (times > 1) violations.push(`attempt ${name} was begun ${times} times`);
    for (const {row} of store.rows.values()) {
      if (!isTerminal(row.status)) violations.push(`job ${row.id} never ended, its status is ${row.status}`);
      if (
        refused.includes(row.executionCode) &&
        [...engines.begun.keys()].some(name => name.startsWith(`${row.id}-`))
      ) {
        violations.push(`job ${row.id} was refused, and ran`);
      }
    }
    const load = current.node?.governance.load() ?? [];
    for (const {group, running, queued} of load) {
      if (running + queued > 0)
        violations.push(`group ${group} still counts ${running} running and ${queued} queued`);
    }
    if (outbox.length > 0) violations.push(`${outbox.length} updates are left in the outbox`);
  }

  function checkJob(taskID: number, script: TaskScript): void {
    const stored = store.rows.get(taskID);
    if (stored === undefined) {
      violations.push(`accepted job ${taskID} has no row`);
      return;
    }
    const {
      row: {status, logPath, errorCode},
      facts: {attempt},
    } = stored;
    const attempts = [...engines.begun.keys()].filter(name => name.startsWith(`${taskID}-`));
    if (attempts.length > 1) violations.push(`job ${taskID} ran ${attempts.length} times`);
    if (status === 'Succeed') {
      if (script.fails !== undefined || script.dies === true)
        violations.push(`job ${taskID} should not have succeeded`);
      const name = `${taskID}-${attempt}`;
      const log = logs.texts.get(logPath) ?? '';
      const own = log
        .split('\n')
        .filter(line => line.startsWith(`${name} `))
        .map(line => `${line}\n`)
        .join('');
      if (own !== (engines.printed.get(name) ?? ''))
        violations.push(`the log of job ${taskID} differs from what it printed`);
      if (!engines.published.has(name)) violations.push(`the results of job ${taskID} were not published`);
    }
    const isPlanted = stored.row.errorDesc?.includes('planted') === true;
    if (
      status === 'Failed' &&
      !isPlanted &&
      script.fails === undefined &&
      script.dies !== true &&
      errorCode !== 20052
    ) {
      violations.push(`job ${taskID} failed (${errorCode} ${stored.row.errorDesc}), though its code is fine`);
    }
  }
}

/** A clock that stops telling its node anything once the node is dead. */
function mortalClock(clock: Clock): Clock & {cut(): void; isCut(): boolean} {
  let isCut = false;
  return {
    now: clock.now,
    monotonicMs: clock.monotonicMs,
    after: (delayMs, action) =>
      clock.after(delayMs, () => {
        if (!isCut) action();
      }),
    isCut: () => isCut,
    cut() {
      isCut = true;
    },
  };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count * 4; turn += 1)
    await new Promise<void>(resolve => void setImmediate(resolve));
}
