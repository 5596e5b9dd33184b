/** Plays a seed of faults over a simulated cluster with jobs, then peace, and says what was violated. */
import {seededRandom} from '../../actors/runtime/random.ts';
import {checkEnd, isQuiet} from './cluster-checks.ts';
import {createClients} from './cluster-clients.ts';
import type {NodePlan} from './cluster-node.ts';
import type {ClusterDatabaseMood} from './cluster-process.ts';
import type {ClusterPlant} from './cluster-store.ts';
import {createClusterWorld, type ClusterLife} from './cluster-world.ts';

export type ClusterReport = {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly seen: ReadonlyMap<string, number>;
};

const faultSteps = 14;
const peaceStepMs = 500;
const peaceMsMin = 14_000;
const peaceMsMax = 90_000;
const moods: readonly ClusterDatabaseMood[] = ['up', 'slow', 'away', 'hangs', 'losesAnswers'];
const worker = ['gateway', 'entrance', 'ecm'];

/** Two hosts; a gateway, an unlabelled entrance with engines, one labelled et1, and up to two more of either. */
export function plansOf(seed: number): readonly NodePlan[] {
  const random = seededRandom(seed * 31 + 7);
  const hostOf = (): string => (random.next() < 0.5 ? 'boot-a' : 'boot-b');
  const more = Math.floor(random.next() * 3);
  const isSplit = random.next() < 0.4;
  return [
    {instance: 'n0:9', roles: isSplit ? ['gateway', 'ecm'] : ['gateway'], host: 'boot-a'},
    {instance: 'n1:9', roles: isSplit ? ['gateway', 'entrance'] : worker, host: 'boot-a'},
    {instance: 'n2:9', roles: worker, host: hostOf(), route: 'et1'},
    ...Array.from({length: more}, (_, index): NodePlan => {
      const roles = random.next() < 0.8 ? worker : ['gateway', 'entrance'];
      const route = random.next() < 0.5 ? {route: 'et1'} : {};
      return {instance: `n${index + 3}:9`, roles, host: hostOf(), ...route};
    }),
  ];
}

export async function simulateCluster(
  seed: number,
  plant: ClusterPlant = 'none',
  tell?: (line: string) => void,
): Promise<ClusterReport> {
  const random = seededRandom(seed * 7919);
  const plans = plansOf(seed);
  const world = createClusterWorld(seed, plans, {plant, tell});
  const {network, clock, count, trace} = world;
  const clients = createClients(world);
  const upTo = (max: number): number => Math.floor(random.next() * max);
  const someInstance = (): string => plans[upTo(plans.length)]?.instance ?? '';
  const someLife = (): ClusterLife | undefined => {
    const lives = world.lives();
    return lives[upTo(lives.length)];
  };

  function eachPair(action: (from: string, to: string) => void): void {
    for (const [index, {instance}] of plans.entries())
      for (const other of plans.slice(index + 1)) action(instance, other.instance);
  }
  const isSlow = random.next() < 0.35;
  eachPair((from, to) =>
    isSlow ? network.delay(from, to, upTo(300), upTo(200)) : network.delay(from, to, 1 + upTo(3), upTo(4)),
  );
  for (const {instance} of plans) world.start(instance);
  await world.run(2500 + upTo(1000));

  function pauseFor(life: ClusterLife, ms: number): void {
    world.pause(life);
    clock.after(ms, () => world.resume(life));
  }

  function fault(): void {
    const life = someLife();
    if (life === undefined) return;
    const dice = random.next();
    if (dice < 0.26) {
      count('crash');
      world.crash(life, 300 + upTo(random.next() < 0.3 ? 14_000 : 3000));
    } else if (dice < 0.38) {
      count('pause');
      pauseFor(life, upTo(random.next() < 0.5 ? 3000 : 16_000));
    } else if (dice < 0.52) {
      count('cut');
      const [from, to] = [life.process.instance, someInstance()];
      if (from === to) return;
      const isOneWay = random.next() < 0.5;
      trace(`no way from ${from} to ${to}${isOneWay ? '' : ', nor back'}`);
      world.cut(from, to, isOneWay);
      clock.after(upTo(9000), () => {
        trace(`the way from ${from} to ${to} is open`);
        world.heal(from, to);
      });
    } else if (dice < 0.6) {
      count('delay');
      const other = someInstance();
      if (other !== life.process.instance) network.delay(life.process.instance, other, upTo(400), upTo(300));
    } else if (dice < 0.72) {
      count('database of one');
      life.process.mood = moods[upTo(moods.length)] ?? 'up';
      trace(`the database is ${life.process.mood} for ${life.process.incarnation}`);
      clock.after(upTo(6000), () => {
        life.process.mood = 'up';
      });
    } else if (dice < 0.86) {
      world.mood = moods[upTo(moods.length)] ?? 'up';
      count(`database ${world.mood}`);
      trace(`the database is ${world.mood}`);
      clock.after(upTo(8000), () => {
        world.mood = 'up';
      });
    } else if (dice < 0.9) {
      count('everything crashes');
      for (const each of world.lives()) world.crash(each, 300 + upTo(4000));
    } else {
      count('leave');
      world.leave(life, 300 + upTo(3000));
    }
  }

  for (let step = 0; step < faultSteps; step += 1) {
    if (random.next() < 0.7) clients.submit();
    if (random.next() < 0.2) clients.submit();
    if (random.next() < 0.2) clients.kill();
    if (random.next() < 0.2) clients.look();
    // Often right behind it, when its messages are on their way.
    await world.run(upTo(random.next() < 0.5 ? 80 : 400));
    if (random.next() < 0.6) fault();
    await world.run(upTo(2500));
  }
  trace('peace');
  world.mood = 'up';
  eachPair((from, to) => {
    world.heal(from, to);
    network.delay(from, to, 1, 2);
  });
  for (const life of world.lives()) {
    life.process.mood = 'up';
    world.resume(life);
  }
  let quietMs = 0;
  for (let peaceMs = 0; peaceMs < peaceMsMax && quietMs < 1000; peaceMs += peaceStepMs) {
    await world.run(peaceStepMs);
    quietMs = peaceMs > peaceMsMin && isQuiet(world, clients) ? quietMs + peaceStepMs : 0;
  }
  checkEnd(world, clients);
  await world.close();
  const violations = [...new Set([...world.store.violations, ...world.violations])];
  return {seed, violations, seen: world.seen};
}
