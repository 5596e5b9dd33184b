/** The manager of the cluster, for an entrance: wherever it is now. While it moves, statements are lost and said again. */
import {LinkisError} from './domain/errors.ts';
import type {Gate} from './gate.ts';
import {isManagerNotice, managerKey, managerReplies} from './manager-key.ts';
import type {ManagerPort} from './manager-port.ts';
import type {ManagerCommand, ManagerNotice, ResourceReport} from './manager-protocol.ts';
import {callRemote, type Asker, type Reply, type ReplyCheck} from './remote-call.ts';
import {callbackRef} from './runtime/callback-ref.ts';
import type {Receptionist} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';

const askMs = 3000;

/** No node of the cluster is the manager at this moment, or its node can't be reached. */
export class NoManagerError extends LinkisError {
  override readonly name = 'NoManagerError';
  readonly code = 20971;
  override readonly retryable = true;

  constructor() {
    super(
      'No manager of the cluster can be reached: engines that run go on, new ones are granted when one has taken over.' +
        ' See tenon nodes for a node with the role manager.',
    );
  }
}

export function remoteManager(system: Asker, receptionist: Receptionist): ManagerPort {
  const doors = new Map<Ref<ManagerNotice>, Ref<ManagerNotice>>();

  /** What comes from another node is looked at before it is believed. */
  function doorOf(replyTo: Ref<ManagerNotice>): Ref<ManagerNotice> {
    const known = doors.get(replyTo);
    if (known !== undefined) return known;
    const door = callbackRef<ManagerNotice>(replyTo.path, notice => {
      if (isManagerNotice(notice)) replyTo.tell(notice);
    });
    doors.set(replyTo, door);
    return door;
  }

  async function ask<Value>(
    isReply: ReplyCheck<Value>,
    message: (replyTo: Ref<Reply<Value>>) => ManagerCommand,
  ): Promise<Value> {
    // Two for a moment, when one does not know yet that it is over: the later answers, or nobody does.
    const [place] = [...receptionist.all(managerKey)].slice(-1);
    if (place === undefined) throw new NoManagerError();
    const [instance, ref] = place;
    return callRemote(system, {instance, ref, isReply, timeoutMs: askMs, message});
  }

  return {
    state(statement, replyTo) {
      // Whoever has the lower fence is not obeyed.
      for (const ref of receptionist.all(managerKey).values()) {
        ref.tell({type: 'state', statement, replyTo: doorOf(replyTo)});
      }
    },
    explain: key =>
      ask<readonly Gate[]>(managerReplies.explain, replyTo => ({type: 'explain', key, replyTo})),
    resources: () => ask<ResourceReport>(managerReplies.resources, replyTo => ({type: 'resources', replyTo})),
  };
}
