/**
 * Runs something on one node of the cluster only: on the one that holds the lease `singleton:NAME`. Every durable effect of it
 * has to carry the lease's fence, so that one who held it before writes nothing.
 *
 *   candidate ──takes the lease──▶ holder, runs ──its node freezes, or it can't prove the lease──▶ holder, paused
 *       ▲                            └───────────────────────── the lease is another's ──────────────┘ │
 *       └───────────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * Sticky: nothing moves because an older or a better node comes back. A holder whose node is over is not waited for.
 */
import {isHeld, type Lease, type LeaseStore} from './domain/lease.ts';
import type {Clock} from './runtime/clock.ts';
import type {Random} from './runtime/random.ts';
import type {NodeLog} from './governance-node.ts';
import type {Membership} from './membership.ts';

export type SingletonDependencies = {
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: NodeLog;
  readonly membership: Pick<Membership, 'mayAct' | 'isAlive' | 'lookAgain' | 'onChange'>;
  readonly self: {readonly instance: string; readonly incarnation: string};
  /** Without the prefix: `retention`, `manager` … */
  readonly name: string;
  /**
   * Begins, and resolves to what ends it. `mayAct` is to be asked before each durable effect and after each wait. It is begun
   * again, with the same fence, when the node has thawed. When it rejects, the lease is given to whoever wants it.
   */
  readonly start: (fence: number, mayAct: () => boolean) => Promise<() => Promise<void>>;
};

export type Singleton = {
  readonly isRunning: () => boolean;
  /** Ends it and gives the lease back. Resolves when both is done. */
  readonly release: () => Promise<void>;
};

const singletonTimes = {
  renewMs: 2000,
  freezeMs: 8000,
  candidateMs: 5000,
  firstTryMs: 1000,
  jitter: 0.1,
};

/** `provenMs`: when the last renewal that succeeded was sent; that the lease was taken proves nothing about when. */
type Holding = {readonly lease: Lease; provenMs: number};

export function runSingleton(dependencies: SingletonDependencies): Singleton {
  const {leases, clock, random, log, membership, self, start} = dependencies;
  const name = `singleton:${dependencies.name}`;
  const {renewMs, freezeMs, candidateMs, firstTryMs, jitter} = singletonTimes;
  let holding: Holding | undefined;
  let stop: (() => Promise<void>) | undefined;
  let isReleased = false;
  /** Of another, as last seen. */
  let holder = '';
  let changing: Promise<void> = Promise.resolve();
  let cancelFreeze = (): void => undefined;
  let wake = (): void => undefined;

  const isProven = ({provenMs}: Holding): boolean =>
    !isReleased && membership.mayAct() && clock.monotonicMs() - provenMs < freezeMs;
  const jittered = (ms: number): number => ms * (1 - jitter + 2 * jitter * random.next());

  /** Begins or ends what is run, one change after the other. */
  function adapt(): Promise<void> {
    changing = changing.then(async () => {
      const now = holding;
      if (now !== undefined && isProven(now)) {
        if (stop === undefined) await begin(now);
      } else if (stop !== undefined) {
        const end = stop;
        stop = undefined;
        await end().catch((error: unknown) =>
          log.error({singleton: name, err: error}, 'a singleton did not end well'),
        );
      }
    });
    return changing;
  }

  async function begin(now: Holding): Promise<void> {
    const {fence} = now.lease;
    try {
      stop = await start(fence, () => holding === now && isProven(now));
      log.info({singleton: name, fence}, 'a singleton runs here');
    } catch (error) {
      log.error(
        {singleton: name, fence, err: error},
        'a singleton could not be started: another node may try',
      );
      holding = undefined;
      await leases.renew(now.lease, {state: 'gone'}).catch(() => false);
    }
  }

  async function take(): Promise<void> {
    if (!membership.mayAct()) return;
    const lease = await leases.acquire(name, self.incarnation, {instance: self.instance});
    if (lease === undefined) return challenge();
    if (isReleased) return void (await leases.renew(lease, {state: 'gone'}));
    holding = {lease, provenMs: -Infinity};
    await renew(holding);
  }

  /** A holder whose node is over has no use for its lease, though it has not run out. */
  async function challenge(): Promise<void> {
    const held = (await leases.list(name)).find(lease => lease.name === name);
    if (held === undefined || !isHeld(held)) return;
    holder = held.incarnation;
    const {instance} = held.details;
    if (typeof instance !== 'string') return;
    const owner = {instance, incarnation: held.incarnation};
    if (membership.isAlive(owner)) return;
    // It may have joined since the last look.
    await membership.lookAgain();
    if (isReleased || membership.isAlive(owner) || !membership.mayAct()) return;
    const by = `${self.instance}#${self.incarnation}`;
    const isDeclared = await leases.declareDead(held, {by, how: 'its node is over'});
    if (isDeclared) await take();
  }

  async function renew(now: Holding): Promise<void> {
    const sentMs = clock.monotonicMs();
    const isOurs = await leases.renew(now.lease, {state: 'up'});
    if (isOurs) now.provenMs = Math.max(now.provenMs, sentMs);
    else if (holding === now) holding = undefined;
    cancelFreeze();
    // Timers may come a little early.
    const leftMs = Math.max(0, Math.ceil(now.provenMs + freezeMs - clock.monotonicMs())) + 1;
    cancelFreeze = clock.after(leftMs, () => void adapt());
  }

  const sleep = (ms: number): Promise<void> =>
    new Promise(resolve => {
      const cancel = clock.after(ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });

  async function live(): Promise<void> {
    await sleep(random.next() * firstTryMs);
    while (!isReleased) {
      // An away database says nothing; what can't be proven in time is paused by the clock.
      await (holding === undefined ? take() : renew(holding)).catch(() => undefined);
      void adapt();
      if (isReleased) return;
      await sleep(jittered(holding === undefined ? candidateMs : renewMs));
    }
  }

  const removeListener = membership.onChange(event => {
    if (event.type === 'frozen' || event.type === 'thawed') return void adapt();
    const isHolderOver =
      (event.type === 'dead' || event.type === 'gone') && event.member.incarnation === holder;
    if (isHolderOver && holding === undefined) clock.after(random.next() * firstTryMs, () => wake());
  });

  void live();
  return {
    isRunning: () => stop !== undefined,
    async release() {
      isReleased = true;
      removeListener();
      wake();
      cancelFreeze();
      await adapt();
      const now = holding;
      holding = undefined;
      if (now !== undefined) await leases.renew(now.lease, {state: 'gone'}).catch(() => false);
    },
  };
}
