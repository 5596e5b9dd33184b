/**
 * The hold that an owner has on one engine, wherever the ECM is that keeps it.
 *
 *     attached ──no answer, ECM out of sight──▶ searching ──attached again──▶ attached
 *        │                                        └─its node dead, nobody has it for `engineSearchMs`──▶ lost
 *        └──another owner, or let go──▶ quiet
 *
 * A command is repeated until it is settled, which the ECM allows for; whoever gives it sees delay, not distance.
 */
import {EngineDisplacedError, EngineLostError, ReportedError, ecmFailure} from './ecm-errors.ts';
import type {EcmMap, EcmPlace} from './ecm-map.ts';
import type {
  AttachReport,
  EcmCommand,
  EcmIdentity,
  EcmReply,
  EngineHolder,
  OwnerNotice,
  TaskClaim,
} from './ecm-protocol.ts';
import {toFailure} from './domain/errors.ts';
import type {Clock} from './runtime/clock.ts';
import type {Random} from './runtime/random.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

export type AttachmentWorld = {
  readonly self: EcmIdentity;
  readonly map: EcmMap;
  readonly system: Pick<ActorSystem, 'ask'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: AttachmentLog;
  /** How long an engine of a dead node is looked for at other nodes before it counts as lost. */
  readonly engineSearchMs: number;
  /** Whether that incarnation is dead by its lease. */
  readonly isGone: (incarnation: string) => boolean;
};

export type AttachmentLog = {
  readonly debug: (fields: object, text: string) => void;
  readonly warn: (fields: object, text: string) => void;
};

export type AttachmentStart = {
  readonly holder: EngineHolder;
  readonly owner: Ref<OwnerNotice>;
  readonly place: EcmPlace;
  readonly report: AttachReport;
};

export type AttachmentEvents = {
  /** The task that the engine should have, by what its owner knows. */
  readonly known: () => TaskClaim | undefined;
  readonly found: (report: AttachReport) => void;
  readonly lost: (why: string) => void;
  /** Another owner has it, or it was let go: nothing will be heard any more. */
  readonly quiet: () => void;
};

/** What every command for an engine carries. */
export type CommandBase<Value> = {
  readonly engineId: string;
  readonly holder: EngineHolder;
  readonly replyTo: Ref<EcmReply<Value>>;
};

const attachMs = 5000;
const retryMsMin = 50;
const retryMsMax = 1000;

export class Attachment {
  readonly #world: AttachmentWorld;
  readonly #holder: EngineHolder;
  readonly #owner: Ref<OwnerNotice>;
  readonly #events: AttachmentEvents;
  readonly #engineId: string;
  #place: EcmPlace;
  #incarnation: string;
  #phase: 'attached' | 'searching' | 'lost' | 'quiet' = 'attached';
  #whyOver = '';
  #hasNews = true;
  #waiters: (() => void)[] = [];
  /** Questions under way; given up when the ECM is out of sight, since their answers may be lost. */
  readonly #asking = new Set<(reply: undefined) => void>();
  #wake: (() => void) | undefined;

  constructor(
    world: AttachmentWorld,
    {holder, owner, place, report}: AttachmentStart,
    events: AttachmentEvents,
  ) {
    this.#world = world;
    this.#holder = holder;
    this.#owner = owner;
    this.#events = events;
    this.#place = place;
    this.#engineId = report.engine.engineId;
    this.#incarnation = report.ecm.incarnation;
  }

  isOver(): boolean {
    return this.#phase === 'lost' || this.#phase === 'quiet';
  }

  /** Something was heard of the engine: there is no need to ask whether all is well. */
  heard(): void {
    this.#hasNews = true;
  }

  /** Called at times: asks, if nothing was heard since the last call, whether something was lost unnoticed. */
  check(): void {
    if (!this.#hasNews) this.#suspect(this.#place);
    this.#hasNews = false;
  }

  /** Which ECMs can be reached, or which nodes are dead, has changed. */
  look(): void {
    const ref = this.#world.map.at(this.#place.instance)?.ref;
    if (ref?.uid !== this.#place.ref.uid || this.#isHomeGone()) {
      this.#suspect(this.#place);
      this.#giveUpAsking();
    }
    this.#wake?.();
  }

  /** Whether the ECM is that of this very node. Rejects like `call`. */
  async isLocal(): Promise<boolean> {
    return (await this.#attached()).instance === this.#world.self.instance;
  }

  /** Rejects with `ReportedError`, `EngineLostError`, `EngineDisplacedError`, or because it can't be sent at all. */
  async call<Value>(
    make: (base: CommandBase<Value>) => EcmCommand,
    timeoutMs: number,
    /** It was asked and did not answer: what it was told may have been done. */
    onUnanswered: () => void = () => undefined,
  ): Promise<Value> {
    const engineId = this.#engineId;
    const holder = this.#holder;
    for (;;) {
      const place = await this.#attached();
      const reply = await this.#ask<Value>(place, replyTo => make({engineId, holder, replyTo}), timeoutMs);
      if (reply === undefined) {
        onUnanswered();
        this.#suspect(place);
        continue;
      }
      this.#hasNews = true;
      if (reply.ok) return reply.value;
      const {failure} = reply;
      if (failure.code === ecmFailure.displaced) this.giveWay(failure.message);
      else if (attachmentLost.includes(failure.code)) this.#suspect(place);
      else throw new ReportedError(failure);
    }
  }

  /** Tells the ECM once: if it does not hear it, it learns of our end by the lease. */
  release(): void {
    if (this.isOver()) return;
    const engineId = this.#engineId;
    const holder = this.#holder;
    const place = this.#place;
    this.#beQuiet('it was let go');
    this.#ask<void>(place, replyTo => ({type: 'release', engineId, holder, replyTo}), attachMs).catch(
      () => undefined,
    );
  }

  /** This node ends: nothing is asked or heard any more, and the engine is left as it is. */
  close(): void {
    if (!this.isOver()) this.#beQuiet('this node is about to end');
  }

  giveWay(why: string): void {
    if (this.isOver()) return;
    this.#world.log.warn({engineId: this.#engineId, why}, 'the engine has another owner now');
    this.#beQuiet(why);
  }

  #beQuiet(why: string): void {
    this.#phase = 'quiet';
    this.#whyOver = why;
    this.#events.quiet();
    this.#wakeWaiters();
    this.#wake?.();
  }

  /** Undefined when there is no answer: it may have been done. Rejects with what would happen again each time. */
  async #ask<Value>(
    place: EcmPlace,
    make: (replyTo: Ref<EcmReply<Value>>) => EcmCommand,
    timeoutMs: number,
  ): Promise<EcmReply<Value> | undefined> {
    const {promise, resolve, reject} = Promise.withResolvers<EcmReply<Value> | undefined>();
    this.#asking.add(resolve);
    this.#world.system
      .ask<EcmCommand, EcmReply<Value>>(place.ref, make, timeoutMs)
      .then(resolve, (error: unknown) => {
        const {instance} = place;
        this.#world.log.debug({engineId: this.#engineId, instance, err: error}, 'an ECM did not answer');
        if (unservable.includes(toFailure(error).code)) reject(error);
        else resolve(undefined);
      });
    return promise.finally(() => this.#asking.delete(resolve));
  }

  /** Resolves when there is an ECM to speak to. */
  async #attached(): Promise<EcmPlace> {
    while (this.#phase === 'searching') {
      const {promise, resolve} = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      await promise;
    }
    if (this.#phase === 'lost') throw new EngineLostError(this.#engineId, this.#whyOver);
    if (this.#phase === 'quiet') throw new EngineDisplacedError(this.#engineId, this.#whyOver);
    return this.#place;
  }

  #suspect(place: EcmPlace): void {
    if (this.#phase !== 'attached' || place !== this.#place) return;
    this.#phase = 'searching';
    this.#giveUpAsking();
    void this.#search();
  }

  #giveUpAsking(): void {
    for (const giveUp of this.#asking) giveUp(undefined);
  }

  // Methods, so that the compiler does not believe that awaiting changes nothing.
  #isSearching(): boolean {
    return this.#phase === 'searching';
  }

  #isHomeGone(): boolean {
    return this.#world.isGone(this.#incarnation);
  }

  async #search(): Promise<void> {
    const {clock, map, engineSearchMs} = this.#world;
    /** Since when we know that the engine is not where it was. */
    let goneAtMs: number | undefined;
    for (let retryMs = retryMsMin; this.#isSearching(); retryMs = Math.min(retryMsMax, retryMs * 2)) {
      const home = map.at(this.#place.instance);
      const answer = home === undefined ? 'away' : await this.#attachAt(home);
      if (answer === 'unknown' || this.#isHomeGone()) goneAtMs ??= clock.monotonicMs();
      if (goneAtMs !== undefined) {
        for (const place of this.#isSearching() ? await map.holding(this.#engineId) : []) {
          await this.#attachAt(place);
        }
        if (clock.monotonicMs() - goneAtMs >= engineSearchMs) {
          this.#lose(`machine lost: the node ${this.#place.instance} is gone, and no other has the engine`);
        }
      }
      if (this.#isSearching()) await this.#pause(retryMs);
    }
  }

  async #pause(retryMs: number): Promise<void> {
    const {clock, random} = this.#world;
    const {promise, resolve} = Promise.withResolvers<void>();
    this.#wake = resolve;
    const cancel = clock.after(retryMs * (0.5 + random.next() / 2), resolve);
    await promise;
    cancel();
    this.#wake = undefined;
  }

  async #attachAt(place: EcmPlace): Promise<'settled' | 'unknown' | 'away'> {
    if (!this.#isSearching()) return 'settled';
    const engineId = this.#engineId;
    const holder = this.#holder;
    const owner = this.#owner;
    const task = this.#events.known();
    const known = task === undefined ? {} : {known: task};
    const reply = await this.#ask<AttachReport>(
      place,
      replyTo => ({type: 'attach', engineId, ...known, holder, owner, replyTo}),
      attachMs,
    ).catch(() => undefined);
    if (reply === undefined) return 'away';
    if (!this.#isSearching()) return 'settled';
    if (reply.ok) {
      this.#place = place;
      this.#incarnation = reply.value.ecm.incarnation;
      this.#phase = 'attached';
      this.#hasNews = true;
      this.#wakeWaiters();
      this.#events.found(reply.value);
      return 'settled';
    }
    const {code, message} = reply.failure;
    if (code === ecmFailure.unknown) return 'unknown';
    if (code === ecmFailure.displaced) this.giveWay(message);
    else if (code === ecmFailure.lost) this.#lose(message);
    else return 'away';
    return 'settled';
  }

  #lose(why: string): void {
    if (!this.#isSearching()) return;
    this.#phase = 'lost';
    this.#whyOver = why;
    this.#world.log.warn({engineId: this.#engineId, why}, 'an engine is lost');
    this.#wakeWaiters();
    this.#events.lost(why);
  }

  #wakeWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** The peer does not know the message, or it can't cross to another node. */
const unservable: readonly number[] = [20921, 20923];

/** Answers after which the engine has to be found, or attached to, anew. */
const attachmentLost: readonly number[] = [
  ecmFailure.unknown,
  ecmFailure.notAttached,
  ecmFailure.notReady,
  ecmFailure.lost,
];
