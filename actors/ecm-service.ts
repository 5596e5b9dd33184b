/**
 * The ECM of one node as an actor: holds the engines of this host for owners on any node. Output does not pass through its
 * mailbox: it goes from an engine's handle through a flow straight to the consumer.
 */
import {createFlow, type Flow} from './ecm-flow.ts';
import {entryOf, isSameTask, type HeldEngine} from './ecm-engine.ts';
import {NeverBegunError} from './ecm-errors.ts';
import type {AdoptOrder, EcmEffect, EcmMessage, EcmSettings, EcmState, UseCommand} from './ecm-messages.ts';
import type {LocalEngine, LocalEngineDriver} from './ecm-port.ts';
import type {AttachReport, EcmReply, OwnerNotice} from './ecm-protocol.ts';
import {answer, ecmReports} from './ecm-reports.ts';
import {decideEcm, emptyEcm} from './ecm-state.ts';
import {toFailure} from './domain/errors.ts';
import type {ActorContext, Machine} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

export type EcmDependencies = {
  readonly driver: LocalEngineDriver;
  readonly settings: EcmSettings;
  readonly log: EcmLog;
};

export type EcmLog = {
  readonly info: (fields: object, text: string) => void;
  readonly warn: (fields: object, text: string) => void;
};

type Context = ActorContext<EcmMessage>;

/** What the engine refused for good; after any other failure it may have the task all the same. */
const refusalCodes: readonly number[] = [50220, 50224];

/** Tell it `adoptOwn` first: until then it knows no engine, and says so. */
export function ecmService({
  driver,
  settings,
  log,
}: EcmDependencies): Machine<EcmState, EcmMessage, EcmEffect> {
  const flows = new Map<string, Flow>();
  const reports = ecmReports(driver.host, settings.self.instance);

  function reportOf(engine: HeldEngine): AttachReport {
    const flow = flows.get(engine.handle.engineId);
    return {
      ecm: settings.self,
      engine: entryOf(engine),
      ...(flow === undefined
        ? {}
        : {flow: {number: flow.number, sent: flow.sent(), isFinished: flow.isFinished()}}),
      ...(engine.exited === undefined ? {} : {exited: engine.exited}),
    };
  }

  async function report({engine, to, raised}: EcmEffect & {type: 'report'}, {self}: Context): Promise<void> {
    const answerAll = (reply: EcmReply<AttachReport>): void => to.forEach(ref => void ref.tell(reply));
    try {
      if (raised !== undefined) {
        const {taskID, attempt, epoch} = raised;
        await engine.handle.raiseEpoch(taskID, attempt, epoch);
      }
      answerAll({ok: true, value: reportOf(engine)});
    } catch (error) {
      if (error instanceof NeverBegunError && raised !== undefined) {
        self.tell({type: 'neverBegun', handle: engine.handle, task: raised});
      }
      answerAll({ok: false, failure: toFailure(error)});
    }
  }

  function tellExit({owner, handle}: HeldEngine, reason: string): void {
    const flow = flows.get(handle.engineId);
    flow?.finish();
    const notice: OwnerNotice = {
      type: 'exited',
      engineId: handle.engineId,
      reason,
      ...(flow === undefined ? {} : {flow: {number: flow.number, sent: flow.sent()}}),
    };
    owner?.ref.tell(notice);
  }

  /** Whether there was one. */
  function dropFlow(engineId: string): boolean {
    flows.get(engineId)?.close();
    return flows.delete(engineId);
  }

  function closeFlow({handle, exited}: HeldEngine): void {
    if (dropFlow(handle.engineId) && exited === undefined) handle.unfollow();
  }

  function follow(engine: HeldEngine, command: UseCommand & {type: 'follow'}): void {
    const {engineId, task, fromOffset, consumer, replyTo} = command;
    const {handle, exited} = engine;
    flows.get(engineId)?.close();
    const path = `/ecm/${engineId}/flow`;
    const flow = createFlow({path, number: command.flow, fromOffset, consumer});
    flows.set(engineId, flow);
    replyTo.tell({ok: true, value: {flow: flow.ref}});
    handle.follow(task.taskID, task.attempt, fromOffset, flow.consume);
    if (exited === undefined) return;
    // Its exit was told before this owner came: now it is due again, behind the last of the output.
    void handle.drained().then(() => {
      if (flows.get(engineId) === flow) tellExit(engine, exited);
    });
  }

  function use({engine, command, isNoted}: EcmEffect & {type: 'use'}, {self}: Context): void {
    const {handle} = engine;
    switch (command.type) {
      case 'execute': {
        const {task, replyTo} = command;
        handle.execute(task).then(
          () => succeed(replyTo),
          (error: unknown) => {
            const failure = toFailure(error);
            const isRefused = refusalCodes.includes(failure.code);
            if (isNoted && isRefused) self.tell({type: 'executeRefused', handle, task});
            // An order whose answer was lost, given again to an engine that has ended since: it may have begun the
            // task, so it must not be begun elsewhere. What became of it the spool and the exit tell.
            if (!isNoted && !isRefused && isSameTask(task, engine.task)) return succeed(replyTo);
            return void replyTo.tell({ok: false, failure});
          },
        );
        return;
      }
      case 'follow':
        return follow(engine, command);
      case 'kill':
        handle.kill(command.task.taskID, command.task.attempt, command.graceMs, command.why);
        succeed(command.replyTo);
        return;
      case 'listResults':
        return answer(handle.listResults(command.task.taskID, command.task.attempt), command.replyTo);
      case 'readResult': {
        const {task, file, offset, bytesMax, replyTo} = command;
        return answer(handle.readResult(task.taskID, task.attempt, file, offset, bytesMax), replyTo);
      }
      case 'publishResults': {
        const {task, directory, replyTo} = command;
        return answer(handle.publishResults(task.taskID, task.attempt, directory), replyTo);
      }
      case 'confirm': {
        const {task, replyTo} = command;
        const confirmed = handle.confirm(task.taskID, task.attempt).then(() => {
          // Told first, so that this node knows the engine is free before its owner gives it the next task.
          self.tell({type: 'confirmed', handle, task});
        });
        return answer(confirmed, replyTo);
      }
      case 'shutdown':
        return answer(handle.shutdown(command.graceMs), command.replyTo);
    }
  }

  async function end({handle, task}: EcmEffect & {type: 'end'}, {self}: Context): Promise<void> {
    const {engineId} = handle;
    try {
      await handle.shutdown(settings.shutdownGraceMs);
      if (task === undefined) return;
      await handle.confirm(task.taskID, task.attempt);
      self.tell({type: 'confirmed', handle, task});
    } catch (error) {
      log.warn({engineId, err: error}, 'an engine without an owner could not be ended');
    }
  }

  async function leave({idle, busy, to}: EcmEffect & {type: 'leave'}): Promise<void> {
    for (const handle of busy) handle.detach();
    await Promise.allSettled(idle.map(handle => handle.shutdown(settings.shutdownGraceMs)));
    to.tell(busy.map(({engineId}) => engineId));
  }

  function adopt(order: AdoptOrder, {self}: Context): void {
    const {type} = order;
    const dead = new Set(order.dead);
    const isDead = (incarnation: string): boolean => dead.has(incarnation);
    const finding =
      type === 'adoptFrom' ? driver.adoptFrom(order.directory, isDead) : driver.adoptOwn(isDead);
    finding.then(
      engines => self.tell({type: 'adopted', engines, order}),
      (error: unknown) => {
        log.warn({order: type, err: error}, 'engines of an earlier process could not be looked for');
        self.tell({type: 'adoptFailed', failure: toFailure(error), order});
      },
    );
  }

  function watch(handle: LocalEngine, {self}: Context): void {
    void handle.exited.then(({reason}) => self.tell({type: 'exited', handle, reason}));
    void handle.lost.then(() => self.tell({type: 'lost', handle}));
  }

  return {
    initial: emptyEcm(settings),
    decide: decideEcm,
    perform(effect, context) {
      const {self} = context;
      switch (effect.type) {
        case 'answer':
          effect.to.tell({ok: false, failure: effect.failure});
          return;
        case 'done':
          return succeed(effect.to);
        case 'list':
          effect.to.tell({ok: true, value: reports.listing(effect.state)});
          return;
        case 'launch': {
          const {engineId, launch, timeoutMs} = effect.command;
          void driver.launch(launch, timeoutMs).then(
            engine => self.tell({type: 'launched', engineId, engine}),
            (error: unknown) => self.tell({type: 'launchFailed', engineId, failure: toFailure(error)}),
          );
          return;
        }
        case 'report':
          void report(effect, context);
          return;
        case 'use':
          return use(effect, context);
        case 'tellExit':
          return tellExit(effect.engine, effect.reason);
        case 'tellOwner':
          effect.owner.ref.tell(effect.notice);
          return;
        case 'closeFlow':
          return closeFlow(effect.engine);
        case 'dropFlow':
          dropFlow(effect.engineId);
          return;
        case 'watch':
          return watch(effect.handle, context);
        case 'adopt':
          return adopt(effect.order, context);
        case 'adopted':
          log.info({order: effect.order.type, engines: effect.count}, 'engines adopted');
          effect.order.replyTo?.tell({ok: true, value: effect.count});
          return;
        case 'orphanTimer':
          return context.setTimer(`orphan ${effect.engineId}`, effect.afterMs, {
            type: 'orphanDue',
            engineId: effect.engineId,
          });
        case 'cancelOrphanTimer':
          return context.cancelTimer(`orphan ${effect.engineId}`);
        case 'timeOut': {
          const {handle, task} = effect;
          handle.kill(task.taskID, task.attempt, settings.shutdownGraceMs, 'timedOut');
          void end({type: 'end', handle}, context);
          return;
        }
        case 'end':
          void end(effect, context);
          return;
        case 'terminate':
          return reports.terminate(effect);
        case 'inspect':
          return reports.inspect(effect);
        case 'readLog':
          return reports.readLog(effect);
        case 'tellHealth': {
          const {health, reason} = effect.health;
          if (health === 'Healthy') log.info({health}, 'the host is fit for engines again');
          else log.warn({health, reason}, 'the host is not as fit for engines as it should be');
          return;
        }
        case 'leave':
          void leave(effect);
          return;
      }
    },
  };
}

function succeed(to: Ref<EcmReply<void>>): void {
  to.tell({ok: true, value: undefined});
}
