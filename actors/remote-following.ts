/**
 * One job followed wherever it is, and wherever it goes: at this node's own governance, or at the entrance of another
 * one. When that one is lost, or the job gets another owner, the following begins anew there, and says what it missed:
 *
 *   seeking ── owner reachable ──▶ attached ── end ──▶ over
 *      ▲                               │
 *      └── owner lost, news lost, job moved
 *
 * The follower notices nothing but a pause: statuses are not repeated, the log is said to have grown to where it is, and
 * `end` comes once, from the owner or from the row.
 */
import {emptyChunk} from './entrance-followers.ts';
import type {EntranceMessage} from './entrance-protocol.ts';
import {entranceSubscription} from './entrance-subscription.ts';
import type {FollowOptions, Governance, JobNews} from './governance.ts';
import type {JobOwners, JobPlace} from './job-owners.ts';
import {isTerminal, type JobStatus} from './domain/job.ts';
import type {Owner} from './domain/owner.ts';
import type {StoredJob} from './ports.ts';
import {remoteEntrance} from './remote-entrance.ts';
import {isUnreached} from './remote-unreached.ts';
import {RemoteCallError, type Asker} from './remote-call.ts';
import type {Clock} from './runtime/clock.ts';
import type {Ref} from './runtime/ref.ts';

export type FollowingDependencies = {
  readonly owners: JobOwners;
  /** Of this node, if it is an entrance. */
  readonly local: Governance | undefined;
  readonly system: Asker;
  readonly clock: Clock;
  /** A text that nobody else in the cluster makes up. */
  readonly makeId: () => string;
  readonly onListenerFailure: (taskID: number, error: unknown) => void;
  /** It has ended or was stopped. */
  readonly onOver: (following: RemoteFollowing) => void;
};

const retryMs = {first: 500, longest: 5000};

type Attachment = {
  readonly owner: Owner;
  /** Undefined: at this node's own governance. */
  readonly ref: Ref<EntranceMessage> | undefined;
  readonly end: () => void;
};

export class RemoteFollowing {
  readonly #taskID: number;
  readonly #onNews: (news: JobNews) => void;
  readonly #withLog: boolean;
  readonly #dependencies: FollowingDependencies;
  readonly #stopListening: () => void;
  /** Counts attempts to attach: what comes of an earlier one is ignored. */
  #round = 0;
  #attachment: Attachment | undefined;
  #cancelRetry: () => void = () => undefined;
  #retryInMs = retryMs.first;
  #status: JobStatus | undefined;
  #lines = 0;
  #isOver = false;

  constructor(
    taskID: number,
    onNews: (news: JobNews) => void,
    {withLog = true}: FollowOptions,
    dependencies: FollowingDependencies,
  ) {
    this.#taskID = taskID;
    this.#onNews = onNews;
    this.#withLog = withLog;
    this.#dependencies = dependencies;
    this.#stopListening = dependencies.owners.onChange(moved => this.#onOwnersChanged(moved));
  }

  /** Resolves false if there is no such job. Rejects as `Governance.follow`; that its owner is away is no failure. */
  async start(): Promise<boolean> {
    try {
      const place = await this.#dependencies.owners.locate(this.#taskID);
      if (place.type === 'none' || !(await this.#attach(place, true))) {
        this.stop();
        return false;
      }
      return true;
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  stop(): void {
    this.#isOver = true;
    this.#stopListening();
    this.#detach();
    this.#dependencies.onOver(this);
  }

  /** False: there is no such job. Rejects only if it `isFirst`. */
  async #attach(place: JobPlace, isFirst: boolean): Promise<boolean> {
    if (this.#isOver) return true;
    this.#detach();
    const round = this.#round;
    try {
      switch (place.type) {
        case 'none':
          return false;
        case 'here':
          return await this.#attachHere(place.owner, round, isFirst);
        case 'there':
          if (place.stored !== undefined && isTerminal(place.stored.row.status)) {
            await this.#endAsStored(place.stored, place);
            return true;
          }
          return await this.#attachThere(place, round, isFirst);
        case 'away':
          await this.#showRow(place.stored);
          this.#seekLater(round);
          return true;
      }
    } catch (error) {
      if (round !== this.#round) return true;
      if (isFirst && !isUnreached(error)) throw error;
      this.#dependencies.owners.forget(this.#taskID);
      if (isFirst) {
        const now = await this.#dependencies.owners.look(this.#taskID);
        if (now.type === 'none') return false;
        if (now.stored !== undefined) await this.#showRow(now.stored);
        // Another node was remembered than the row says. One that does not answer is not asked again at once.
        if (!(error instanceof RemoteCallError)) return this.#attach(now, false);
      }
      this.#seekLater(round);
      return true;
    }
  }

  async #attachHere(owner: Owner, round: number, isFirst: boolean): Promise<boolean> {
    const {local} = this.#dependencies;
    let hasEnded = false;
    const unfollow = await local?.follow(
      this.#taskID,
      news => {
        hasEnded ||= news.type === 'end';
        if (round === this.#round) this.#tell(news);
      },
      {withLog: this.#withLog},
    );
    if (unfollow === undefined) return false;
    if (round !== this.#round || hasEnded) {
      unfollow();
      return true;
    }
    this.#attachment = {owner, ref: undefined, end: unfollow};
    this.#retryInMs = retryMs.first;
    if (!isFirst) await this.#catchUp(local, round);
    return true;
  }

  async #attachThere(
    {owner, entrance: ref}: JobPlace & {type: 'there'},
    round: number,
    isFirst: boolean,
  ): Promise<boolean> {
    const {system, makeId, clock} = this.#dependencies;
    const entrance = remoteEntrance(system, owner.instance, ref);
    const subscription = entranceSubscription({
      entrance,
      taskID: this.#taskID,
      withLog: this.#withLog,
      followId: makeId(),
      clock,
      onNews: news => this.#tell(news),
      onLost: () => this.#seek(),
    });
    this.#attachment = {owner, ref, end: subscription.end};
    const isThere = await subscription.start();
    if (round !== this.#round || !isThere) return isThere;
    this.#retryInMs = retryMs.first;
    if (!isFirst) await this.#catchUp(entrance, round);
    return true;
  }

  /** Lines that were written while nobody was asked are announced: whoever wants them reads them. */
  async #catchUp(place: Pick<Governance, 'logPosition'> | undefined, round: number): Promise<void> {
    const position = await place?.logPosition(this.#taskID).catch((error: unknown) => {
      if (isUnreached(error)) throw error;
      // Whoever reads the log will meet it too, and hear why.
      return undefined;
    });
    const lines = position?.lines ?? 0;
    if (round !== this.#round || lines <= this.#lines) return;
    this.#tell({type: 'log', lines, chunk: emptyChunk(lines)});
  }

  /** What the row says of a job whose owner can't be asked. */
  async #showRow(stored: StoredJob): Promise<void> {
    const {status, updatedTime} = stored.row;
    if (isTerminal(status)) await this.#endAsStored(stored, undefined);
    else this.#tell({type: 'status', status, at: updatedTime});
  }

  async #endAsStored(
    {row, facts}: StoredJob,
    holder: (JobPlace & {type: 'there'}) | undefined,
  ): Promise<void> {
    let lines = facts.logLines ?? this.#lines;
    if (facts.logLines === null && holder !== undefined) {
      const {system} = this.#dependencies;
      const {owner, entrance} = holder;
      // Older rows don't say how long the log is.
      const asked = remoteEntrance(system, owner.instance, entrance).logPosition(row.id);
      lines = (await asked.catch(() => undefined))?.lines ?? lines;
    }
    this.#tell({type: 'end', status: row.status, lines});
  }

  #tell(news: JobNews): void {
    if (this.#isOver) return;
    if (news.type === 'status') {
      // Each new beginning says the present status, which may be known.
      if (news.status === this.#status) return;
      this.#status = news.status;
    }
    if (news.type === 'log') this.#lines = Math.max(this.#lines, news.lines);
    if (news.type === 'end') this.stop();
    try {
      this.#onNews(news);
    } catch (error) {
      this.#dependencies.onListenerFailure(this.#taskID, error);
    }
  }

  #onOwnersChanged(moved: string | undefined): void {
    if (this.#isOver) return;
    const attachment = this.#attachment;
    if (attachment === undefined) {
      this.#seek();
      return;
    }
    const {owner, ref} = attachment;
    // The same node with another ref is another life of it.
    const isLost = ref !== undefined && this.#dependencies.owners.entranceOf(owner.instance) !== ref;
    if (isLost || moved === owner.instance) this.#seek();
  }

  /** Looks at the row, and attaches where it says. */
  #seek(): void {
    if (this.#isOver) return;
    this.#detach();
    const round = this.#round;
    const {owners} = this.#dependencies;
    owners.forget(this.#taskID);
    owners.look(this.#taskID).then(
      async place => {
        if (round !== this.#round) return;
        // The row of a job that ended is removed some day; a follower that missed the end until then learns no more.
        if (!(await this.#attach(place, false))) this.#seekLater(this.#round);
      },
      () => this.#seekLater(round),
    );
  }

  #seekLater(round: number): void {
    if (this.#isOver || round !== this.#round) return;
    this.#detach();
    this.#cancelRetry = this.#dependencies.clock.after(this.#retryInMs, () => this.#seek());
    this.#retryInMs = Math.min(this.#retryInMs * 1.5, retryMs.longest);
  }

  #detach(): void {
    this.#round += 1;
    this.#cancelRetry();
    const attachment = this.#attachment;
    this.#attachment = undefined;
    attachment?.end();
  }
}
