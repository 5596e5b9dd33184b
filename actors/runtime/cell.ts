/**
 * One actor: its mailbox, state and effects, and the turn in which nact lets it handle a batch of messages. The hot
 * path (`accept`, `takeTurn`) allocates nothing per message and waits for nothing.
 *
 * Lanes: messages that `isControl` picks, and due timers, are handled before all others, and also while the others
 * stand still because too many effects wait. A watch's notice is never refused, but keeps its place behind what the
 * watched actor said before it stopped.
 */
import {CellContext, type ContextOwner} from './actor-context.ts';
import type {PendingAsk} from './ask.ts';
import type {CellNode, CellRuntime, Family, Stopping, Watch} from './cell-node.ts';
import {EffectQueue, isPromise, type EffectOwner} from './effect-queue.ts';
import type {Bucket} from './fan-out.ts';
import {advance, crash} from './lifecycle.ts';
import {LocalRef, type Receiver} from './local-ref.ts';
import type {EffectOutcome, Machine, SpawnOptions, StopReason} from './machine.ts';
import {Mailbox} from './mailbox.ts';
import {messageType} from './message-type.ts';
import type {HostRef, Turn} from './nact-host.ts';
import {DueTimer, Timers} from './timers.ts';
import {batchSize, clockStrideMax, singlesTimed, turnMsMax} from './turn-budget.ts';
import {nextUid} from './uid.ts';

const controlMax = 1024;
/** Effects waiting at which the normal lane stands still until some are done. */
const effectsMax = 1024;
/** Effects waiting at which even the control lane stands still: its own bound then refuses. */
const effectsHardMax = 4096;

export type CellPlace = {
  readonly runtime: CellRuntime;
  readonly parent: CellNode | undefined;
  readonly path: string;
  readonly kind: 'actor' | 'group';
  readonly bucket: Bucket | undefined;
  /** Gives the actor its turns from now on; undefined for an actor that is born stopped. */
  readonly settle: (turn: Turn) => HostRef | undefined;
};

export class Cell<State, Message, Effect>
  implements CellNode, Receiver<Message>, ContextOwner<Message>, EffectOwner<Effect>, Turn
{
  readonly uid = nextUid();
  readonly path: string;
  readonly runtime: CellRuntime;
  readonly parent: CellNode | undefined;
  readonly options: SpawnOptions | undefined;
  readonly kind: 'actor' | 'group';
  readonly ref: LocalRef<Message>;
  host: HostRef | undefined;
  readonly bucket: Bucket | undefined;
  phase: 'running' | 'stopping' | 'stopped' = 'running';
  inTurn = false;
  stopping: Stopping | undefined = undefined;
  family: Family | undefined = undefined;
  watchers: Set<Watch> | undefined = undefined;
  watching: Set<Watch> | undefined = undefined;
  asks: PendingAsk<never> | undefined = undefined;
  readonly #machine: Machine<State, Message, Effect>;
  readonly #isControl: ((message: Message) => boolean) | undefined;
  readonly #mailboxMax: number;
  #state: State | undefined;
  /** True from asking nact for a turn until that turn ends. */
  #scheduled = false;
  #mailbox: Mailbox<Message> | undefined = undefined;
  #control: Mailbox<Message | DueTimer<Message>> | undefined = undefined;
  #effects: EffectQueue<Effect> | undefined = undefined;
  #timers: Timers<Message> | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #context: CellContext<Message> | undefined = undefined;

  constructor(place: CellPlace, machine: Machine<State, Message, Effect>, options: SpawnOptions | undefined) {
    this.runtime = place.runtime;
    this.parent = place.parent;
    this.path = place.path;
    this.kind = place.kind;
    this.options = options;
    this.#machine = machine;
    this.#state = machine.initial;
    this.#isControl = options?.isControl as ((message: Message) => boolean) | undefined;
    this.#mailboxMax = options?.mailboxMax ?? place.runtime.mailboxMax;
    this.ref = new LocalRef<Message>(this);
    this.bucket = place.bucket;
    this.host = place.settle(this);
    if (this.host === undefined) this.phase = 'stopped';
  }

  accept(message: Message): boolean {
    if (this.phase !== 'running') return this.#refuseStopped(message, 'stopped');
    if (this.#isControl !== undefined && this.#takesControlLane(message)) return this.#acceptControl(message);
    const mailbox = (this.#mailbox ??= new Mailbox<Message>());
    if (mailbox.size >= this.#mailboxMax) return this.#refuseFull();
    mailbox.push(message);
    if (!this.#scheduled) this.#wake();
    return true;
  }

  takeTurn(): void {
    const {clock, counters} = this.runtime;
    const depth = this.#mailbox === undefined ? 0 : this.#mailbox.size;
    const waiting = this.#control === undefined ? depth : depth + this.#control.size;
    counters.wakesPending -= 1;
    counters.wakeUps += 1;
    if (depth > counters.mailboxDepthMax) counters.mailboxDepthMax = depth;
    this.inTurn = true;
    if (waiting > 1) this.#takeBatch();
    else if (counters.wakeUps % singlesTimed !== 0) counters.messagesHandled += this.#handleNext() ? 1 : 0;
    else {
      const startedMs = clock.monotonicMs();
      counters.messagesHandled += this.#handleNext() ? 1 : 0;
      counters.handlerMs += (clock.monotonicMs() - startedMs) * singlesTimed;
    }
    this.inTurn = false;
    this.#scheduled = false;
    if (this.phase === 'running') this.#wake();
    else advance(this);
  }

  #takeBatch(): void {
    const {clock, counters} = this.runtime;
    const startedMs = clock.monotonicMs();
    const batch = batchSize(counters.wakesPending);
    let readAt = 1;
    let handled = 0;
    // Ends with the actor too: a stop empties the mailbox.
    while (handled < batch && this.#handleNext()) {
      handled += 1;
      if (handled < readAt) continue;
      if (clock.monotonicMs() - startedMs >= turnMsMax) break;
      readAt += Math.min(readAt, clockStrideMax);
    }
    counters.messagesHandled += handled;
    counters.handlerMs += clock.monotonicMs() - startedMs;
  }

  get effectsSettled(): boolean {
    return this.#effects === undefined || !this.#effects.busy;
  }

  get abortSignal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.phase !== 'running') this.#abort.abort();
    }
    return this.#abort.signal;
  }

  perform(effect: Effect): EffectOutcome | Promise<EffectOutcome> {
    return this.#machine.perform(effect, (this.#context ??= new CellContext<Message>(this)));
  }

  effectFailed(error: unknown, effect: Effect): void {
    crash(this, error, messageType(effect));
  }

  effectsMoved(): void {
    if (this.phase !== 'running') advance(this);
    else if (!this.#scheduled) this.#wake();
  }

  effectsDropped(count: number): void {
    this.runtime.counters.effectsDropped += count;
  }

  dropEffects(): void {
    this.#effects?.drop();
  }

  closeMailbox(reason: StopReason): void {
    this.#timers?.cancelAll();
    const waiting = [...(this.#control?.takeAll() ?? []), ...(this.#mailbox?.takeAll() ?? [])];
    for (const message of waiting) {
      // A due timer is the actor's own reminder: nobody sent it, so nobody misses it.
      if (!(message instanceof DueTimer)) this.#refuseStopped(message, 'leftOver');
    }
    this.#abort?.abort(reason);
  }

  requestTurn(): boolean {
    if (this.host === undefined || this.parent === undefined) return false;
    if (this.#scheduled) return true;
    this.#scheduled = true;
    this.runtime.counters.wakesPending += 1;
    this.runtime.host.wake(this.host);
    return true;
  }

  runStoppedHook(): void | Promise<void> {
    return this.#machine.stopped?.();
  }

  retire(): void {
    // nact takes back the turn of an actor that it removes.
    if (this.#scheduled) this.runtime.counters.wakesPending -= 1;
    this.host = undefined;
    this.family = undefined;
    this.#state = undefined;
    this.#mailbox = undefined;
    this.#control = undefined;
    this.#timers = undefined;
    this.#context = undefined;
  }

  notice(message: Message): void {
    if (this.phase !== 'running') return;
    if (this.#takesControlLane(message)) {
      (this.#control ??= new Mailbox<Message | DueTimer<Message>>()).push(message);
    } else (this.#mailbox ??= new Mailbox<Message>()).push(message);
    if (!this.#scheduled) this.#wake();
  }

  setTimer(key: string, afterMs: number, message: Message): void {
    if (this.phase !== 'running') return;
    this.#timers ??= new Timers<Message>(this.runtime.clock, timer => this.#timerDue(timer));
    this.#timers.set(key, afterMs, message);
  }

  cancelTimer(key: string): void {
    this.#timers?.cancel(key);
  }

  #handleNext(): boolean {
    const waiting = this.#effects === undefined ? 0 : this.#effects.size;
    const control = this.#control;
    if (control !== undefined && control.size > 0 && waiting < effectsHardMax) {
      const item = control.shift() as Message | DueTimer<Message>;
      if (!(item instanceof DueTimer)) this.#handle(item);
      else if (this.#timers?.claim(item) === true) this.#handle(item.message);
      return true;
    }
    const mailbox = this.#mailbox;
    if (mailbox === undefined || mailbox.size === 0 || waiting >= effectsMax) return false;
    this.#handle(mailbox.shift() as Message);
    return true;
  }

  #handle(message: Message): void {
    try {
      const {state, effects} = this.#machine.decide(this.#state as State, message);
      this.#state = state;
      if (effects.length > 0) this.#performAll(effects);
    } catch (error) {
      crash(this, error, messageType(message));
    }
  }

  #performAll(effects: readonly Effect[]): void {
    for (let index = 0; index < effects.length; index += 1) {
      const effect = effects[index] as Effect;
      const queue = this.#effects;
      if (queue !== undefined && queue.busy) {
        queue.add(effect);
        continue;
      }
      let outcome;
      try {
        outcome = this.perform(effect);
      } catch (error) {
        this.effectsDropped(effects.length - index - 1);
        crash(this, error, messageType(effect));
        return;
      }
      if (isPromise(outcome)) (this.#effects ??= new EffectQueue<Effect>(this)).hold(outcome, effect);
      else if (outcome === 'drop') {
        this.effectsDropped(effects.length - index - 1);
        return;
      }
    }
  }

  /** Asks for a turn, if there is something it may handle. */
  #wake(): void {
    const waiting = this.#effects === undefined ? 0 : this.#effects.size;
    const normalReady = this.#mailbox !== undefined && this.#mailbox.size > 0 && waiting < effectsMax;
    const controlReady = this.#control !== undefined && this.#control.size > 0 && waiting < effectsHardMax;
    if (normalReady || controlReady) this.requestTurn();
  }

  #acceptControl(message: Message): boolean {
    this.#control ??= new Mailbox<Message | DueTimer<Message>>();
    if (this.#control.size >= controlMax) return this.#refuseFull();
    this.#control.push(message);
    if (!this.#scheduled) this.#wake();
    return true;
  }

  #timerDue(timer: DueTimer<Message>): void {
    (this.#control ??= new Mailbox<Message | DueTimer<Message>>()).push(timer);
    if (!this.#scheduled) this.#wake();
  }

  #takesControlLane(message: Message): boolean {
    try {
      return this.#isControl?.(message) === true;
    } catch (error) {
      // The receiver's mistake must not hit the sender.
      const {path, uid} = this;
      this.runtime.log.error({path, uid, during: messageType(message), err: error}, 'isControl threw.');
      return false;
    }
  }

  #refuseStopped(message: Message, why: 'stopped' | 'leftOver'): boolean {
    const {path, uid} = this;
    this.runtime.deadLetters.add({path, uid, messageType: messageType(message), why});
    return false;
  }

  #refuseFull(): boolean {
    this.runtime.counters.mailboxOverflows += 1;
    return false;
  }
}
