/**
 * The door of an entrance for other nodes: an actor in front of this node's governance. It keeps no call waiting for
 * another: each is an effect that answers by itself, and only their number is bounded.
 */
import {parseExecId} from './domain/exec-id.ts';
import {isTerminal} from './domain/job.ts';
import {instanceOf, parseOwner, type Owner} from './domain/owner.ts';
import {JobNotFoundError} from './entrance.ts';
import {EntranceFollower, silenceMs} from './entrance-followers.ts';
import {entranceKey, NotOwnerError, type EntranceMessage, type LogPiece} from './entrance-protocol.ts';
import type {Governance, KillReport} from './governance.ts';
import {DatabaseAwayError, type JobRow, type JobStore} from './ports.ts';
import {pieceBytesMax, ServiceBusyError, type Reply} from './remote-call.ts';
import {isFault, toRemoteFailure} from './remote-failure.ts';
import type {ActorContext, Machine} from './runtime/machine.ts';
import type {Receptionist} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

export type EntranceServiceDependencies = {
  readonly system: ActorSystem;
  readonly receptionist: Receptionist;
  /** This node's own, not the cluster's. */
  readonly governance: Governance;
  readonly store: Pick<JobStore, 'get'>;
  readonly self: Omit<Owner, 'epoch'>;
  readonly log: {readonly error: (fields: object, text: string) => void};
  /** False: this entrance does not use it. */
  readonly retireEngine?: (engineId: string) => boolean;
  /** Calls under way at a time. */
  readonly callsMax?: number;
};

type Sweep = {readonly type: 'sweep'};
type Message = EntranceMessage | Sweep;

const callsDefaultMax = 4096;
const mailboxMax = 65_536;

/** Offers this node's entrance to the others. Resolves what ends that: nothing is accepted any more, followers are let go. */
export function startEntranceService(dependencies: EntranceServiceDependencies): () => Promise<void> {
  const {system, receptionist} = dependencies;
  const ref: Ref<EntranceMessage> = system.spawn('entrance', entranceService(dependencies), {mailboxMax});
  const withdraw = receptionist.publish(entranceKey, ref);
  return async () => {
    withdraw();
    await system.stop(ref);
  };
}

function entranceService(dependencies: EntranceServiceDependencies): Machine<undefined, Message, Message> {
  const {governance, store, system, self, log, retireEngine, callsMax = callsDefaultMax} = dependencies;
  const {clock} = system;
  const followers = new Map<string, EntranceFollower>();
  let callsUnderWay = 0;

  /** Answers with what `call` comes to, whenever that is. */
  function answer<Value>(replyTo: Ref<Reply<Value>>, type: string, call: () => Promise<Value>): void {
    const isBusy = callsUnderWay >= callsMax;
    callsUnderWay += 1;
    (isBusy ? Promise.reject(new ServiceBusyError('calls', callsMax)) : call())
      .then(
        value => replyTo.tell({ok: true, value}),
        (error: unknown) => {
          if (isFault(error)) log.error({call: type, err: error}, 'a call of another node met a fault');
          return replyTo.tell({ok: false, failure: toRemoteFailure(error)});
        },
      )
      .finally(() => {
        callsUnderWay -= 1;
      });
  }

  const isOurs = ({instances}: JobRow): boolean => {
    const {instance, incarnation} = parseOwner(instances);
    return instance === self.instance && incarnation === self.incarnation;
  };

  /** The row, unless the database is away: then the jobs that this node has in memory are still served. */
  async function rowOf(taskID: number): Promise<JobRow | 'unknown' | undefined> {
    try {
      return (await store.get(taskID))?.row;
    } catch (error) {
      if (error instanceof DatabaseAwayError) return 'unknown';
      throw error;
    }
  }

  /** A governance can't tell a job that it waits for from one that is not its own, and would answer "under way" for both. */
  async function kill({taskID, caller}: EntranceMessage & {type: 'kill'}): Promise<KillReport> {
    const row = await rowOf(taskID);
    if (row === undefined) throw new JobNotFoundError(taskID);
    if (row !== 'unknown' && isTerminal(row.status)) {
      return {taskID, result: 'alreadyEnded', status: row.status};
    }
    if (row !== 'unknown' && !isOurs(row)) throw new NotOwnerError(taskID, instanceOf(row.instances));
    return governance.kill(taskID, caller);
  }

  async function readLog(message: EntranceMessage & {type: 'readLog'}): Promise<LogPiece | null> {
    const {taskID, fromLine, linesMax, bytesMax, skipBytes} = message;
    const chunk = await governance.readLog(taskID, fromLine, linesMax, Math.min(bytesMax, pieceBytesMax));
    if (chunk === undefined) return null;
    const {bytes} = chunk;
    const part = bytes.subarray(skipBytes, skipBytes + pieceBytesMax);
    return {...chunk, bytes: part, bytesTotal: bytes.length};
  }

  async function follow(
    {taskID, followId, withLog}: EntranceMessage & {type: 'follow'},
    follower: EntranceFollower,
  ): Promise<boolean> {
    try {
      // No look at the row for what this node has in memory: each poll of a log follows for a moment.
      const job = await governance.find(taskID);
      const owner = job && !isTerminal(job.status) ? parseExecId(job.execID)?.instances[0] : undefined;
      if (owner !== undefined && owner !== self.instance) throw new NotOwnerError(taskID, owner);
      const unfollow = await governance.follow(taskID, news => follower.tell(news), {withLog});
      if (unfollow === undefined) drop(followId, follower);
      else follower.onStop(unfollow);
      return unfollow !== undefined;
    } catch (error) {
      drop(followId, follower);
      throw error;
    }
  }

  function drop(followId: string, follower: EntranceFollower | undefined): void {
    if (follower === undefined) return;
    follower.stop();
    if (followers.get(followId) === follower) followers.delete(followId);
  }

  function sweep({setTimer}: ActorContext<Message>): void {
    for (const [followId, follower] of followers) if (follower.isSilent) drop(followId, follower);
    if (followers.size > 0) setTimer('sweep', silenceMs / 3, {type: 'sweep'});
  }

  function serve(message: Message, context: ActorContext<Message>): void {
    switch (message.type) {
      case 'submit': {
        const {body, caller, options, replyTo} = message;
        answer(replyTo, message.type, async () => governance.submit(JSON.parse(body), caller, options));
        return;
      }
      case 'find':
        answer(message.replyTo, message.type, async () => (await governance.find(message.taskID)) ?? null);
        return;
      case 'kill':
        answer(message.replyTo, message.type, () => kill(message));
        return;
      case 'why':
        answer(message.replyTo, message.type, async () => (await governance.why(message.taskID)) ?? null);
        return;
      case 'retireEngine':
        answer(message.replyTo, message.type, async () => retireEngine?.(message.engineId) ?? false);
        return;
      case 'setPriority':
        answer(message.replyTo, message.type, () => governance.setPriority(message.taskID, message.priority));
        return;
      case 'logPosition':
        answer(
          message.replyTo,
          message.type,
          async () => (await governance.logPosition(message.taskID)) ?? null,
        );
        return;
      case 'readLog':
        answer(message.replyTo, message.type, () => readLog(message));
        return;
      case 'follow': {
        const {followId, subscriber, replyTo} = message;
        drop(followId, followers.get(followId));
        const follower = new EntranceFollower(subscriber, clock);
        if (followers.size === 0) context.setTimer('sweep', silenceMs / 3, {type: 'sweep'});
        followers.set(followId, follower);
        answer(replyTo, message.type, () => follow(message, follower));
        return;
      }
      case 'renew': {
        const follower = followers.get(message.followId);
        follower?.renew(message.taken);
        message.replyTo.tell({ok: true, value: follower?.sent ?? -1});
        return;
      }
      case 'unfollow':
        drop(message.followId, followers.get(message.followId));
        return;
      case 'load':
        answer(message.replyTo, message.type, async () => governance.load());
        return;
      case 'sweep':
        sweep(context);
    }
  }

  return {
    initial: undefined,
    decide: (state, message) => ({state, effects: [message]}),
    perform: serve,
    stopped() {
      for (const [followId, follower] of followers) drop(followId, follower);
    },
  };
}
