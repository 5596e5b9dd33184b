/** The native protocol on one socket: what its client asks for. What it gets then is said by `JobFollows`. */
import {toFailure} from '../../actors/domain/errors.ts';
import type {Caller} from '../../actors/governance.ts';
import type {JobAccess} from '../job-access.ts';
import type {Session} from './client-socket.ts';
import {JobFollows, type JobFollowsDependencies} from './job-follows.ts';
import type {Outlet} from './job-subscription.ts';
import {errorFrame, nativeSpeech, parseRequest, taskIdIn} from './native-frames.ts';
import {JobNotReadableError, SubscriptionLimitError} from './stream-error.ts';
import type {StreamSettings} from './stream-settings.ts';

export type NativeSessionDependencies = JobFollowsDependencies & {
  readonly access: JobAccess;
  readonly settings: StreamSettings;
};

export class NativeSession implements Session {
  readonly #caller: Caller;
  readonly #outlet: Outlet;
  readonly #dependencies: NativeSessionDependencies;
  readonly #follows: JobFollows;

  constructor(caller: Caller, outlet: Outlet, dependencies: NativeSessionDependencies) {
    this.#caller = caller;
    this.#outlet = outlet;
    this.#dependencies = dependencies;
    this.#follows = new JobFollows(outlet, dependencies);
  }

  get followedCount(): number {
    return this.#follows.size;
  }

  async onText(text: string): Promise<void> {
    try {
      const request = parseRequest(text);
      if (request.type === 'subscribe') await this.#subscribe(request.taskID, request.fromLine);
      else this.#follows.drop(request.taskID);
    } catch (error) {
      this.#outlet.send(errorFrame(taskIdIn(text), toFailure(error)));
    }
  }

  onDrained(): void {
    this.#follows.onDrained();
  }

  close(): void {
    this.#follows.close();
  }

  async #subscribe(taskID: number, fromLine: number): Promise<void> {
    const {access, settings} = this.#dependencies;
    const {subscriptionsPerSocketMax, frameBytesMax} = settings;
    // Subscribing again means starting again, from the line that was asked for.
    this.#follows.drop(taskID);
    if (this.#follows.size >= subscriptionsPerSocketMax) {
      throw new SubscriptionLimitError(subscriptionsPerSocketMax);
    }
    const found = await access.find({taskID}, this.#caller, 'read');
    if (found.type !== 'visible') throw new JobNotReadableError(taskID, this.#caller.user);
    const isThere = await this.#follows.start(taskID, fromLine, nativeSpeech(taskID, frameBytesMax));
    if (!isThere) throw new JobNotReadableError(taskID, this.#caller.user);
  }
}
