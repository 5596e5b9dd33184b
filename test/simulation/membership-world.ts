/**
 * A cluster on one lease table, on a manual clock and a seed: processes are paused, killed, restarted on their address, moved
 * to another machine; links are cut one way; the database is away, hangs, is late, or loses answers. Invariants are checked
 * after every event; once the faults have stopped, everybody must agree.
 */
import {isHeld} from '../../actors/domain/lease.ts';
import {membershipTimes, type MembershipTimes} from '../../actors/membership-protocol.ts';
import {nodeLeasePrefix, type MembershipEvent} from '../../actors/membership-member.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';
import {
  createMemoryLeases,
  type LeasePlant,
  type LeaseRow,
  type MemoryLeases,
} from '../support/memory-leases.ts';
import {createLinks, linkTickMs, type SimulatedLinks} from './membership-links.ts';
import {startProcess, type DatabaseMood, type SimulatedProcess} from './membership-process.ts';

export type MembershipPlant = LeasePlant | 'noFreeze' | 'noMissedRenewal';

const plantedTimes: Partial<Record<MembershipPlant, Partial<MembershipTimes>>> = {
  noFreeze: {freezeMs: 1e9},
  noMissedRenewal: {missedMs: 0},
};

export type MembershipWorld = {
  readonly clock: ManualClock;
  readonly leases: MemoryLeases;
  readonly links: SimulatedLinks;
  readonly processes: SimulatedProcess[];
  readonly violations: string[];
  /** What happened, and how often: proof that the rare ways were really taken. */
  readonly seen: Map<string, number>;
  mood: DatabaseMood;
  /** Whether a process that ended itself is started again, as a service manager does. */
  restarts: boolean;
  /** `bootId` is its machine's. */
  readonly start: (instance: string, bootId: string) => SimulatedProcess;
  /** Plays `ms`, checking after each event. */
  readonly run: (ms: number) => Promise<void>;
  /** To be called when everything has been well for a while. */
  readonly checkAgreement: () => void;
};

const restartMs = 1500;

export type WorldOptions = {readonly plant?: MembershipPlant; readonly hasSingleton?: boolean};

export function createMembershipWorld(
  seed: number,
  {plant = 'none', hasSingleton = false}: WorldOptions = {},
): MembershipWorld {
  const random = seededRandom(seed);
  const clock = manualClock();
  const startMs = 1_700_000_000_000 + Math.floor(random.next() * 1000);
  const violations: string[] = [];
  const seen = new Map<string, number>();
  const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  /** Incarnations that the table has declared dead, given away, or seen leave. */
  const over = new Set<string>();
  /** Who knew whom, and how often who was told of whose end: `observer>member`. */
  const known = new Set<string>();
  const told = new Map<string, number>();
  let lives = 0;

  function onChange(before: LeaseRow | undefined, after: LeaseRow): void {
    if (before === undefined) return;
    const isTaken = before.incarnation !== after.incarnation;
    const hasDied = isHeld(before) && after.state === 'dead';
    if (after.fence < before.fence) violations.push(`the fence of ${after.name} fell`);
    if ((isTaken || hasDied) && after.fence <= before.fence) {
      violations.push(
        `${after.name} went from ${before.incarnation} to ${after.incarnation} ${after.state} without a fence`,
      );
    }
    if (!after.name.startsWith(nodeLeasePrefix)) return;
    if (hasDied || isTaken || after.state === 'gone') over.add(before.incarnation);
    if (hasDied) count(after.details['proof'] === undefined ? 'dead: expired' : 'dead: proven');
    else if (isTaken && isHeld(before)) count('taken over on the same address');
  }

  const {plant: leasePlant, times: itsTimes} = planted(plant);
  const leases = createMemoryLeases({nowMs: () => startMs + clock.now(), plant: leasePlant, onChange});
  const links = createLinks();
  const processes: SimulatedProcess[] = [];

  function onEvent(observer: SimulatedProcess, event: MembershipEvent): void {
    count(event.type);
    if (event.type === 'frozen' || event.type === 'thawed') return;
    const {incarnation} = event.member;
    const pair = `${observer.incarnation}>${incarnation}`;
    known.add(pair);
    if (event.type !== 'dead' && event.type !== 'gone') return;
    const times = (told.get(pair) ?? 0) + 1;
    told.set(pair, times);
    const what = `${observer.incarnation} was told that ${incarnation} is ${event.type}`;
    if (times > 1) violations.push(`${what}, for the ${times}. time`);
    if (!over.has(incarnation)) violations.push(`${what}, and it is not`);
    if (observer.membership?.mayAct() !== true) violations.push(`${what}, while frozen`);
  }

  function start(instance: string, bootId: string): SimulatedProcess {
    lives += 1;
    const process = startProcess(
      {
        clock,
        random,
        leases,
        times: itsTimes,
        hasSingleton,
        mood: () => world.mood,
        onEvent,
        onEnd(ended, why) {
          ended.end();
          count(why.startsWith('the row of') ? 'fenced' : why);
          if (!world.restarts) return;
          clock.after(restartMs, () => {
            if (isFree(instance)) start(instance, bootId);
          });
        },
      },
      {instance, incarnation: `${instance.split(':')[0]}-${lives}`, bootId},
    );
    processes.push(process);
    return process;
  }

  const isFree = (instance: string): boolean =>
    processes.every(process => process.instance !== instance || process.mode === 'ended');

  function check(): void {
    const acting = new Map<string, string>();
    for (const {mode, membership, instance, incarnation} of processes) {
      if (mode === 'ended' || membership?.mayAct() !== true) continue;
      if (over.has(incarnation)) violations.push(`${incarnation} is over for the others, and may act`);
      const other = acting.get(instance);
      if (other !== undefined) violations.push(`${other} and ${incarnation} may act for ${instance}`);
      acting.set(instance, incarnation);
    }
    const runners = processes.filter(({mode, singleton}) => mode !== 'ended' && singleton?.mayAct() === true);
    if (runners.length > 1) {
      violations.push(`the singleton runs on ${runners.map(({incarnation}) => incarnation).join(' and ')}`);
    }
  }

  const world: MembershipWorld = {
    clock,
    leases,
    links,
    processes,
    violations,
    seen,
    mood: 'up',
    restarts: true,
    start,
    async run(ms) {
      const untilMs = clock.monotonicMs() + ms;
      for (;;) {
        const nextMs = clock.nextInMs ?? Infinity;
        if (clock.monotonicMs() + nextMs > untilMs) break;
        // A little more, since sums of fractions may fall short of the timer.
        clock.advance(nextMs + 1e-6);
        await new Promise<void>(resolve => void setImmediate(resolve));
        check();
      }
      clock.advance(Math.max(0, untilMs - clock.monotonicMs()));
      check();
    },
    checkAgreement() {
      const alive = processes.filter(({mode}) => mode === 'running');
      const held = [...leases.rows.values()]
        .filter(row => row.name.startsWith(nodeLeasePrefix) && isHeld(row))
        .map(row => row.incarnation);
      const expected = alive
        .map(({incarnation}) => incarnation)
        .toSorted()
        .join(' ');
      if (held.toSorted().join(' ') !== expected) {
        violations.push(`alive: ${expected}, but leases are held by ${held.join(' ')}`);
      }
      const runners = alive.filter(({singleton}) => singleton?.mayAct() === true).length;
      if (hasSingleton && runners !== 1) violations.push(`the singleton runs on ${runners} nodes`);
      for (const {incarnation, membership} of alive) {
        if (membership?.mayAct() !== true) violations.push(`${incarnation} is alive and may not act`);
        const members = (membership?.members() ?? []).map(member => member.incarnation);
        if (members.toSorted().join(' ') !== expected) {
          violations.push(`alive: ${expected}, but ${incarnation} sees ${members.join(' ')}`);
        }
        if (membership?.members().some(({isReachable, state}) => !isReachable || state !== 'up') === true) {
          violations.push(`${incarnation} sees somebody who is not up or not reachable`);
        }
        for (const one of over) {
          const pair = `${incarnation}>${one}`;
          if (known.has(pair) && told.get(pair) !== 1)
            violations.push(`${incarnation} never heard of the end of ${one}`);
          if (membership?.isAlive({instance: `${one.split('-')[0]}:1`, incarnation: one}) === true) {
            violations.push(`${incarnation} takes ${one} for alive`);
          }
        }
      }
    },
  };
  tickLinks();
  return world;

  function tickLinks(): void {
    links.tick(processes);
    for (const {incarnation, membership} of processes) {
      for (const member of membership?.members() ?? []) known.add(`${incarnation}>${member.incarnation}`);
    }
    clock.after(linkTickMs, tickLinks);
  }
}

function planted(plant: MembershipPlant): {readonly plant: LeasePlant; readonly times: MembershipTimes} {
  const times = {...membershipTimes, ...plantedTimes[plant]};
  return {plant: plant === 'noFreeze' || plant === 'noMissedRenewal' ? 'none' : plant, times};
}
