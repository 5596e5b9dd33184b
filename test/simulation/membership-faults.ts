/** Plays a seed of faults over a simulated cluster, then peace, and says what was violated. */
import {seededRandom} from '../../actors/runtime/random.ts';
import type {DatabaseMood, SimulatedProcess} from './membership-process.ts';
import {createMembershipWorld, type MembershipPlant} from './membership-world.ts';

export type MembershipReport = {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly seen: ReadonlyMap<string, number>;
};

const nodes = 4;
const faultSteps = 24;
const peaceMs = 30_000;
const moods: readonly DatabaseMood[] = ['up', 'up', 'away', 'hangs', 'late', 'losesAnswers'];

export async function simulateMembership(
  seed: number,
  plant: MembershipPlant = 'none',
): Promise<MembershipReport> {
  const random = seededRandom(seed * 7919);
  const world = createMembershipWorld(seed, {plant, hasSingleton: true});
  const {links, processes, clock} = world;
  const upTo = (max: number): number => Math.floor(random.next() * max);
  const instances = Array.from({length: nodes}, (_, index) => `n${index}:1`);
  let boots = 0;
  const newBoot = (): string => `boot-${(boots += 1)}`;
  for (const instance of instances) world.start(instance, newBoot());
  await world.run(1000 + upTo(1000));

  const living = (): readonly SimulatedProcess[] => processes.filter(({mode}) => mode !== 'ended');
  const some = (): SimulatedProcess | undefined => living()[upTo(living().length)];
  const isFree = (instance: string): boolean => living().every(process => process.instance !== instance);

  function startLater(instance: string, bootId: string, delayMs: number): void {
    clock.after(delayMs, () => {
      links.off.delete(bootId);
      if (isFree(instance)) world.start(instance, bootId);
    });
  }

  function fault(): void {
    const process = some();
    if (process === undefined) return;
    const {instance, bootId} = process;
    const dice = random.next();
    if (dice < 0.2) {
      process.pause();
      clock.after(upTo(20_000), () => process.resume());
    } else if (dice < 0.35) {
      process.end();
      startLater(instance, bootId, upTo(15_000));
    } else if (dice < 0.42) {
      // The machine: nothing refuses there, and it comes back as another boot.
      process.end();
      links.off.add(bootId);
      startLater(instance, newBoot(), upTo(15_000));
    } else if (dice < 0.5) {
      // The address moves to another machine while its process is paused, or cut off.
      process.pause();
      clock.after(9000 + upTo(12_000), () => process.resume());
      world.start(instance, newBoot());
    } else if (dice < 0.65) {
      if (links.rejected.has(instance)) return;
      process.mood = moods[upTo(moods.length)] ?? 'up';
    } else if (dice < 0.72) {
      if (links.rejected.size === 0) world.mood = moods[upTo(moods.length)] ?? 'up';
    } else if (dice < 0.84) {
      const other = instances[upTo(nodes)] ?? instance;
      links.cut(instance, other);
      if (random.next() < 0.5) links.cut(other, instance);
    } else if (dice < 0.9) {
      links.heal();
    } else if (dice < 0.95) {
      process.membership?.setState('leaving');
      clock.after(upTo(3000), () => void process.membership?.release().then(() => process.end()));
      startLater(instance, bootId, 4000 + upTo(4000));
    } else {
      process.membership?.updateDetails({labels: [`route=${upTo(9)}`]});
    }
  }

  /** A firewall that rejects is contradicted by renewals; so those must get through, which is what decision 29 asks for. */
  async function rejectOne(): Promise<void> {
    const process = some();
    const isHealthy = world.mood === 'up' && process?.mode === 'running' && process.mood === 'up';
    if (process === undefined || !isHealthy || process.membership?.mayAct() !== true) return;
    await world.run(3000);
    if (process.mode !== 'running') return;
    links.rejected.add(process.instance);
    await world.run(4000 + upTo(4000));
    links.rejected.delete(process.instance);
  }

  for (let step = 0; step < faultSteps; step += 1) {
    if (random.next() < 0.08) await rejectOne();
    else fault();
    await world.run(upTo(2500));
  }
  world.mood = 'up';
  links.heal();
  for (const process of processes) {
    process.mood = 'up';
    process.resume();
  }
  await world.run(peaceMs);
  if (world.violations.length === 0) world.checkAgreement();
  return {seed, violations: [...new Set(world.violations)], seen: world.seen};
}
