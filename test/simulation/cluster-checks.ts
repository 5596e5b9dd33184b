/** What must hold of a simulated cluster once its faults have stopped. */
import {isTerminal} from '../../actors/domain/job.ts';
import {instanceOf} from '../../actors/domain/owner.ts';
import type {ClientJob, Clients} from './cluster-clients.ts';
import {dataDirectoryOf} from './cluster-node.ts';
import type {ClusterWorld} from './cluster-world.ts';

/** No ECM has started the engine. */
const noEcmCode = 20_950;
const launchAttemptsMax = 3;
/** Engines of other nodes are looked for so long. */
const searchMs = 15_000;

/** Nothing is under way any more. */
export function isQuiet(world: ClusterWorld, clients: Clients): boolean {
  return (
    clients.jobs.every(({outcome}) => outcome !== 'open') &&
    clients.open().length === 0 &&
    [...world.store.rows.values()].every(({row}) => isTerminal(row.status)) &&
    world.engines.busy().length === 0 &&
    world.disks.outboxSize() === 0 &&
    leaksOf(world).length === 0
  );
}

export function checkEnd(world: ClusterWorld, clients: Clients): void {
  const {violations, store, engines, count} = world;
  count(`take-overs: ${Math.min(store.takeOvers(), 9)}`);
  for (const {plan, node} of world.lives())
    if (node === undefined) violations.push(`${plan.instance} did not come up again`);
  if (world.lives().length < world.plans.length) violations.push('a node did not come back');
  checkAgreement(world);
  for (const what of clients.open()) violations.push(`${what} never settled`);
  for (const job of clients.jobs) checkJob(world, job);
  for (const {row} of store.rows.values())
    if (!isTerminal(row.status))
      violations.push(`job ${row.id} never ended, its status is ${row.status} at ${row.instances}`);
  for (const [name, times] of engines.begun)
    if (times > 1) violations.push(`attempt ${name} was begun ${times} times`);
  for (const {engineId, taskID, attempt} of engines.busy())
    violations.push(
      `engine ${engineId} still has attempt ${attempt} of job ${taskID}, which is ${store.rows.get(taskID)?.row.status}`,
    );
  if (world.disks.outboxSize() > 0)
    violations.push(`${world.disks.outboxSize()} updates are left in outboxes`);
  violations.push(...leaksOf(world));
}

/** Everybody who lives is seen by all, holds a lease, and is linked with all; nobody else does. */
function checkAgreement({lives, store, violations}: ClusterWorld): void {
  const expected = print(lives().map(({process}) => process.incarnation));
  const held = print(store.holders());
  if (held !== expected) violations.push(`alive: ${expected}, but leases are held by ${held}`);
  for (const {process, node} of lives()) {
    const members = node?.membership.members() ?? [];
    const seen = print(members.map(({incarnation}) => incarnation));
    if (seen !== expected) violations.push(`alive: ${expected}, but ${process.incarnation} sees ${seen}`);
    const unreachable = members.filter(({isReachable}) => !isReachable).map(({incarnation}) => incarnation);
    if (unreachable.length > 0)
      violations.push(`${process.incarnation} can't reach ${unreachable.join(' ')} though all is well`);
  }
}

const print = (incarnations: readonly string[]): string => incarnations.toSorted().join(' ');

/** Slots of groups and engines of pools that are taken although nothing is under way. */
function leaksOf(world: ClusterWorld): readonly string[] {
  return world.lives().flatMap(({plan: {instance}, node}) => {
    const entrance = node?.entrance;
    if (entrance === undefined) return [];
    const slots = entrance.governance
      .load()
      .filter(({running, queued}) => running + queued > 0)
      .map(
        ({group, running, queued}) =>
          `group ${group} of ${instance} counts ${running} running, ${queued} queued`,
      );
    const taken = [...entrance.engines()]
      .filter(([, {status}]) => status !== 'idle')
      .map(([engineId, {status}]) => `engine ${engineId} is ${status} in the pool of ${instance}`);
    return [...slots, ...taken];
  });
}

function checkJob(world: ClusterWorld, job: ClientJob): void {
  const {violations, store, engines, disks, results, count} = world;
  const {key, code, script, outcome, taskID, route} = job;
  const own = [...store.rows.values()].filter(({row}) => row.executionCode === code);
  const begun = own.flatMap(({row}) =>
    [...engines.begun.keys()].filter(name => name.startsWith(`${row.id}-`)).map(name => ({name, row})),
  );
  if (outcome === 'refused' && begun.length > 0)
    violations.push(`${key} was refused, and ran as ${begun[0]?.name}`);
  const ran = new Set(begun.map(({row}) => row.id));
  if (ran.size > 1) violations.push(`${key} ran as jobs ${[...ran].join(' and ')}`);
  if (taskID === undefined) return;
  const stored = store.rows.get(taskID);
  if (stored === undefined) {
    violations.push(`accepted job ${taskID} has no row`);
    return;
  }
  const {row, facts} = stored;
  const {status, errorCode, errorDesc, logPath, resultLocation} = row;
  const attempts = begun.filter(({row: {id}}) => id === taskID).length;
  const attemptsMax = script.fails?.retryable === true ? 2 : 1;
  const hasPlantedFailure = errorDesc?.includes('planted') === true;
  if (attempts > attemptsMax) violations.push(`job ${taskID} ran ${attempts} times`);
  count(`ended: ${status}${errorCode === null ? '' : ` ${errorCode}`}`);
  if (status === 'Succeed') {
    if (script.fails !== undefined || script.dies === true)
      violations.push(`job ${taskID} should not have succeeded`);
    const name = `${taskID}-${facts.attempt}`;
    const log = (disks.logTexts().get(logPath) ?? '') + (facts.logText ?? '');
    const lines = log.split('\n').filter(line => line.startsWith(`${name} `));
    const isWhole = lines.map(line => `${line}\n`).join('') === (engines.printed.get(name) ?? '');
    if (!isWhole) violations.push(`the log of job ${taskID} (route ${route}) differs from what it printed`);
    if (!engines.published.has(name) && !results.directories.has(resultLocation))
      violations.push(`the results of job ${taskID} were not published at ${resultLocation}`);
  } else if (
    status === 'Failed' &&
    script.fails === undefined &&
    script.dies !== true &&
    !hasPlantedFailure
  ) {
    // Its idle engine was ended before anybody could ask it: then nobody knows that the attempt had not begun.
    const isHonest = errorCode === 13005 && attempts === 0 && world.endedEngines.has(facts.engineId);
    // Engines that could not be started take as many attempts as those that were.
    const isExhausted = errorCode === noEcmCode && facts.attempt >= launchAttemptsMax && attempts === 0;
    // Nobody could be asked for it as long as it is looked for.
    const home = world.plans.find(
      ({instance}) => engines.homes.get(facts.engineId) === `${dataDirectoryOf(instance)}/engines`,
    );
    const isLost =
      errorCode === 13005 &&
      home !== undefined &&
      world.wasAway(home.instance, instanceOf(row.instances), row.updatedTime, searchMs);
    if (isHonest) count('never begun, and nobody knows');
    else if (isLost) count('its ECM was away too long');
    else if (isExhausted) count('no engine in as many attempts as there are');
    else violations.push(`job ${taskID} failed (${errorCode} ${errorDesc}), though its code is fine`);
  }
}
