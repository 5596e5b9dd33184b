/**
 * Linkis' own protocol on one socket: runs jobs and pushes what becomes of them, answers questions about jobs. Unlike in
 * Linkis nobody sees or kills what is not theirs.
 */
import {toFailure} from '../../actors/domain/errors.ts';
import type {Caller, JobView} from '../../actors/governance.ts';
import {toApiPath} from '../api-path.ts';
import type {Audit} from '../audit.ts';
import {BadRequestError} from '../errors.ts';
import {isOwner, type JobAccess} from '../job-access.ts';
import {notLoggedInText} from '../linkis-text.ts';
import {restStatus} from '../task-view.ts';
import {closeCodes, type ClosableOutlet, type Session} from './client-socket.ts';
import {JobFollows, type JobFollowsDependencies} from './job-follows.ts';
import {legacyExecIdOf, parseAnyExecId} from './legacy-exec-id.ts';
import {
  failure,
  linkisSpeech,
  logFrame,
  notLoggedIn,
  parseLinkisRequest,
  refusal,
  success,
  texts,
  type LinkisRequest,
} from './linkis-frames.ts';
import {JobNotReadableError, SubscriptionLimitError} from './stream-error.ts';
import type {StreamSettings} from './stream-settings.ts';
import {WaitingSizes} from './waiting-sizes.ts';

export type LinkisSessionDependencies = JobFollowsDependencies & {
  readonly access: JobAccess;
  readonly audit: Audit;
  readonly settings: StreamSettings;
};

/** Of `{execID}/log`: Linkis answers the first 100 lines. */
const logLinesMax = 100;

export class LinkisSession implements Session {
  readonly #caller: Caller | undefined;
  readonly #outlet: ClosableOutlet;
  readonly #dependencies: LinkisSessionDependencies;
  readonly #follows: JobFollows;
  readonly #waiting: WaitingSizes;
  readonly #cancelIdle: () => void;

  constructor(caller: Caller | undefined, outlet: ClosableOutlet, dependencies: LinkisSessionDependencies) {
    this.#caller = caller;
    this.#outlet = outlet;
    this.#dependencies = dependencies;
    this.#follows = new JobFollows(outlet, dependencies);
    this.#waiting = new WaitingSizes(outlet, dependencies);
    const {clock, settings} = dependencies;
    // Who is not logged in gets its answer, not a place to stay.
    this.#cancelIdle =
      caller === undefined ? clock.after(settings.authenticationMs, () => this.#refuse()) : () => undefined;
  }

  get followedCount(): number {
    return this.#follows.size;
  }

  async onText(text: string): Promise<void> {
    const request = parseLinkisRequest(text);
    const method = request?.method ?? '';
    const websocketTag = request?.websocketTag ?? '';
    if (this.#caller === undefined) {
      this.#outlet.send(notLoggedIn(method, notLoggedInText, {websocketTag}));
      this.#refuse();
      return;
    }
    try {
      if (text.trim() === '') this.#outlet.send(refusal('', texts.emptyText, {}));
      else if (request === undefined)
        throw new BadRequestError('The frame is not {"method":…,"data":…} as JSON.');
      else await this.#answer(request, this.#caller);
    } catch (error) {
      this.#outlet.send(failure(method, toFailure(error), {websocketTag}));
    }
  }

  onDrained(): void {
    this.#follows.onDrained();
  }

  close(): void {
    this.#cancelIdle();
    this.#waiting.close();
    this.#follows.close();
  }

  #refuse(): void {
    this.#outlet.close(closeCodes.notLoggedIn, 'Log in, then connect again.');
  }

  async #answer(request: LinkisRequest, caller: Caller): Promise<void> {
    const [, api, service, id = '', action = '', ...rest] = toApiPath(request.method).url.split('/');
    if (api === 'api' && service === 'entrance' && rest.length === 0) {
      if (id === 'execute' && action === '') return this.#execute(request, caller);
      if (action === 'status' || action === 'progress' || action === 'log') {
        return this.#tell(request, action, id, caller);
      }
      if (action === 'kill') return this.#kill(request, id, caller);
      if (action === 'pause') return this.#send(refusal(request.method, texts.pauseText, tagOf(request)));
    }
    return this.#send(refusal(request.method, texts.unknownText(request.method), tagOf(request)));
  }

  async #execute(request: LinkisRequest, caller: Caller): Promise<void> {
    const {governance, settings, audit} = this.#dependencies;
    const {method, websocketTag} = request;
    if (this.#follows.size >= settings.subscriptionsPerSocketMax) {
      throw new SubscriptionLimitError(settings.subscriptionsPerSocketMax);
    }
    const body = {...request.data, executeUser: caller.user};
    const {taskID} = await governance.submit(body, caller, {});
    audit.note('submit', caller, {taskID});
    const stored = await governance.stored(taskID);
    if (stored === undefined) throw new JobNotReadableError(taskID, caller.user);
    const execID = legacyExecIdOf(stored);
    const data = {execID, taskID, websocketTag};
    this.#send(success(method, texts.acceptedText, data));
    this.#send(success(method, texts.executedText, data));
    this.#waiting.watch(stored, websocketTag);
    await this.#follows.start(taskID, 0, linkisSpeech(data));
  }

  async #tell(
    request: LinkisRequest,
    action: 'status' | 'progress' | 'log',
    execID: string,
    caller: Caller,
  ): Promise<void> {
    const {governance} = this.#dependencies;
    const {method, websocketTag} = request;
    const job = await this.#find(execID, caller, 'read');
    if (job === undefined) {
      const text = action === 'status' ? texts.statusFailedText : texts.taskMissingText;
      return this.#send(refusal(method, text, {execID, websocketTag}));
    }
    const {taskID, status, progress} = job;
    const data = {execID, websocketTag, taskID};
    switch (action) {
      case 'status':
        return this.#send(success(method, texts.statusText, {...data, status: restStatus(status)}));
      case 'progress':
        return this.#send(success(method, 'OK', {...data, progress}));
      case 'log': {
        const chunk = await governance.readLog(
          taskID,
          0,
          logLinesMax,
          this.#dependencies.settings.frameBytesMax,
        );
        return this.#send(logFrame(method, chunk, data));
      }
    }
  }

  async #kill(request: LinkisRequest, execID: string, caller: Caller): Promise<void> {
    const {governance, audit} = this.#dependencies;
    const {method, websocketTag} = request;
    const data = {execID, websocketTag};
    const job = await this.#find(execID, caller, 'kill');
    if (job === undefined) return this.#send(refusal(method, texts.taskMissingText, data));
    const {taskID, submitUser: owner, status} = job;
    try {
      const {result} = await audit.change(
        isOwner(job, caller) ? 'kill' : 'killAsAdministrator',
        caller,
        {taskID, owner, before: {status}},
        () => governance.kill(taskID, caller),
        killed => ({after: {status: killed.status, result: killed.result}}),
      );
      const isDone = result !== 'alreadyEnded';
      const answer = isDone ? success : refusal;
      return this.#send(answer(method, isDone ? texts.killedText : texts.killFailedText, {...data, taskID}));
    } catch (error) {
      const {message} = toFailure(error);
      return this.#send(refusal(method, `${texts.killFailedText}: ${message}`, {...data, taskID}));
    }
  }

  async #find(execID: string, caller: Caller, doing: 'read' | 'kill'): Promise<JobView | undefined> {
    const {access, audit} = this.#dependencies;
    const id = parseAnyExecId(execID);
    const found = id === undefined ? undefined : await access.find(id, caller, doing);
    if (found?.type === 'foreign' && doing === 'kill') {
      audit.note('killRefused', caller, {taskID: found.job.taskID, outcome: 'refused'});
    }
    return found?.type === 'visible' ? found.job : undefined;
  }

  #send(frame: Buffer): void {
    this.#outlet.send(frame);
  }
}

const tagOf = ({websocketTag}: LinkisRequest): {websocketTag: string} => ({websocketTag});
