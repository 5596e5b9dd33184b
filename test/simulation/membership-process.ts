/**
 * One simulated process of a cluster: its membership, on a clock and a database that stop when it is paused and vanish when
 * it is killed. What it sent before goes on without it.
 */
import type {LeaseStore} from '../../actors/domain/lease.ts';
import {startMembership, type Membership} from '../../actors/membership.ts';
import type {MembershipTimes} from '../../actors/membership-protocol.ts';
import type {LinkEvent, MembershipEvent} from '../../actors/membership-member.ts';
import {DatabaseAwayError} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import type {Random} from '../../actors/runtime/random.ts';
import {runSingleton} from '../../actors/singleton.ts';

/** `late`: carried out seconds after its sender gave up. `losesAnswers`: carried out, and nobody hears of it. */
export type DatabaseMood = 'up' | 'away' | 'hangs' | 'late' | 'losesAnswers';

export type SimulatedProcess = {
  readonly instance: string;
  readonly incarnation: string;
  readonly bootId: string;
  mode: 'running' | 'paused' | 'ended';
  mood: DatabaseMood;
  membership: Membership | undefined;
  /** Set while the singleton runs here. */
  singleton: {readonly fence: number; readonly mayAct: () => boolean} | undefined;
  /** How many statements it has sent, by kind. */
  readonly statements: Record<keyof LeaseStore, number>;
  readonly pause: () => void;
  readonly resume: () => void;
  /** At once, or because it ended itself. */
  readonly end: () => void;
  readonly linkEvent: (event: LinkEvent) => void;
};

export type ProcessWorld = {
  readonly clock: Clock;
  readonly random: Random;
  readonly leases: LeaseStore;
  readonly times: MembershipTimes;
  /** Whether each process is a candidate for `singleton:s`. */
  readonly hasSingleton: boolean;
  /** Of the whole database. */
  readonly mood: () => DatabaseMood;
  readonly onEvent: (process: SimulatedProcess, event: MembershipEvent) => void;
  /** It was fenced, or could not join. */
  readonly onEnd: (process: SimulatedProcess, why: string) => void;
};

const statementMs = 2500;
const travelMsMax = 25;
const log = {info() {}, warn() {}, error() {}};

export function startProcess(
  {clock, random, leases, times, hasSingleton, mood, onEvent, onEnd}: ProcessWorld,
  {instance, incarnation, bootId}: Pick<SimulatedProcess, 'instance' | 'incarnation' | 'bootId'>,
): SimulatedProcess {
  const held: (() => void)[] = [];
  const deliver = (action: () => void): void => {
    if (self.mode === 'paused') held.push(action);
    else if (self.mode === 'running') action();
  };
  const ownClock: Clock = {...clock, after: (delayMs, action) => clock.after(delayMs, () => deliver(action))};

  const ask = <Result>(kind: keyof LeaseStore, run: () => Promise<Result>): Promise<Result> =>
    new Promise((resolve, reject) => {
      self.statements[kind] += 1;
      const away = (): void => reject(new DatabaseAwayError('simulated'));
      const cancel = ownClock.after(statementMs, away);
      const now = self.mood === 'up' ? mood() : self.mood;
      const travelMs = (): number => random.next() * travelMsMax;
      if (now === 'away') return void ownClock.after(travelMs(), away);
      if (now === 'hangs') return;
      const delayMs = now === 'late' ? statementMs * (1 + 2 * random.next()) : travelMs();
      clock.after(delayMs, () => {
        void run().then(result => {
          if (now === 'losesAnswers') return;
          clock.after(travelMs(), () =>
            deliver(() => {
              cancel();
              resolve(result);
            }),
          );
        });
      });
    });

  const self: SimulatedProcess = {
    instance,
    incarnation,
    bootId,
    mode: 'running',
    mood: 'up',
    membership: undefined,
    singleton: undefined,
    statements: {acquire: 0, renew: 0, declareDead: 0, list: 0},
    pause() {
      if (self.mode === 'running') self.mode = 'paused';
    },
    resume() {
      if (self.mode !== 'paused') return;
      self.mode = 'running';
      for (const action of held.splice(0)) deliver(action);
    },
    end() {
      self.mode = 'ended';
      held.length = 0;
    },
    linkEvent: event => deliver(() => self.membership?.linkEvent(event)),
  };

  const ownLeases: LeaseStore = {
    // Two statements, as in the real store: the second one compares with what the first one saw.
    async acquire(name, ...values) {
      const stampOf = async (): Promise<string | undefined> =>
        (await leases.list(name)).find(lease => lease.name === name)?.stamp;
      const seen = await ask('acquire', stampOf);
      return ask('acquire', async () =>
        (await stampOf()) === seen ? leases.acquire(name, ...values) : undefined,
      );
    },
    renew: (...values) => ask('renew', () => leases.renew(...values)),
    declareDead: (...values) => ask('declareDead', () => leases.declareDead(...values)),
    list: (...values) => ask('list', () => leases.list(...values)),
  };
  startMembership({
    leases: ownLeases,
    clock: ownClock,
    random,
    log,
    self: {instance, incarnation},
    details: {roles: ['entrance'], bootId, netNs: 'net:1'},
    times,
    onFenced: why => onEnd(self, why),
  }).then(
    membership => {
      self.membership = membership;
      membership.onChange(event => {
        onEvent(self, event);
      });
      membership.setState('up');
      if (!hasSingleton) return;
      runSingleton({
        leases: ownLeases,
        clock: ownClock,
        random,
        log,
        membership,
        self: {instance, incarnation},
        name: 's',
        async start(fence, mayAct) {
          self.singleton = {fence, mayAct};
          return async () => {
            self.singleton = undefined;
          };
        },
      });
    },
    (error: unknown) => onEnd(self, error instanceof Error ? error.name : String(error)),
  );
  return self;
}
