/**
 * One actor per engine process, from its launch to the moment nothing of it is left.
 *
 *   Starting ──launched──▶ Unlock ──execute──▶ Busy ──task ended──▶ Unlock
 *      │                     └────── shutdown ──┴──▶ ShuttingDown ──exited──▶ Success
 *      └─failed─▶ Failed          exited unasked ──▶ Failed (whose job hears `engineLost`)
 *
 * The names are Linkis' NodeStatus. Output goes from the engine's spool straight to the job that follows it, in batches;
 * this actor sees only where a task begins and ends.
 */
import type {EnginePoolReport} from './engine-pool-protocol.ts';
import {toFailure, type Failure} from './domain/errors.ts';
import type {JobReport} from './job-protocol.ts';
import type {EngineEvent, EngineHandle, EngineTask} from './ports.ts';
import type {ActorContext, Decision, Machine} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

export type EngineStatus = 'Starting' | 'Unlock' | 'Busy' | 'ShuttingDown' | 'Success' | 'Failed';

type Task = {readonly taskID: number; readonly attempt: number};

export type EngineCommand =
  | {type: 'execute'; task: EngineTask; job: Ref<JobReport>}
  /** Reads a task's spool from an offset on: after a take-over, or right after `execute` from 0. */
  | {type: 'follow'; task: Task; fromOffset: number; job: Ref<JobReport>}
  | {type: 'killTask'; task: Task; graceMs: number; why: 'killed' | 'timedOut'}
  | {type: 'publishResults'; task: Task; directory: string; settled: (failure?: Failure) => void}
  /** The task's end is committed and its log is on disk: its spool may go. */
  | {type: 'confirm'; task: Task}
  | {type: 'shutdown'}
  /** The node leaves; the engine stays for whoever comes next, unless it is idle. */
  | {type: 'detach'};

type EngineReport =
  | {type: 'begin'}
  /** Found at start, alive or only as a spool; the pool hears of it from whoever found it. */
  | {type: 'adopted'; handle: EngineHandle}
  | {type: 'launched'; handle: EngineHandle}
  | {type: 'launchFailed'; failure: Failure}
  | {type: 'taskEnded'; task: Task}
  | {type: 'exited'; reason: string}
  | {type: 'lingered'};

export type EngineMessage = EngineCommand | EngineReport;

export type EngineState = {
  readonly engineId: string;
  readonly status: EngineStatus;
  readonly handle?: EngineHandle;
  readonly current?: Task & {readonly job: Ref<JobReport>};
  /** Tasks whose end is not confirmed yet: their spool may still be asked for, also when the process is gone. */
  readonly open: readonly Task[];
  readonly hasExited: boolean;
};

export type EngineEffect =
  | {type: 'launch'}
  | {type: 'reportStarted'}
  | {type: 'report'; report: EnginePoolReport}
  | {type: 'use'; handle: EngineHandle; command: EngineCommand}
  | {type: 'watchExit'; handle: EngineHandle}
  | {type: 'tellJob'; job: Ref<JobReport>; report: JobReport}
  | {type: 'refuse'; command: EngineCommand; failure: Failure}
  /** Nothing is left to do, but whoever was given this engine a moment ago may not know. */
  | {type: 'stop'}
  | {type: 'stopNow'};

const lingerMs = 10_000;

type EngineDecision = Decision<EngineState, EngineEffect>;

export function decideEngine(state: EngineState, message: EngineMessage): EngineDecision {
  switch (message.type) {
    case 'begin':
      return stay(state, {type: 'launch'});
    case 'adopted':
      return {
        state: {...state, handle: message.handle, status: 'Unlock'},
        effects: [{type: 'watchExit', handle: message.handle}],
      };
    case 'launched': {
      const {handle} = message;
      const isUnwanted = state.status === 'ShuttingDown';
      return {
        state: {...state, handle, status: isUnwanted ? 'ShuttingDown' : 'Unlock'},
        effects: [
          {type: 'watchExit', handle},
          isUnwanted ? {type: 'use', handle, command: {type: 'shutdown'}} : {type: 'reportStarted'},
        ],
      };
    }
    case 'launchFailed':
      return {
        state: {...state, status: 'Failed'},
        effects: [
          {
            type: 'report',
            report: {type: 'launchFailed', engineId: state.engineId, failure: message.failure},
          },
          {type: 'stop'},
        ],
      };
    case 'taskEnded': {
      const {current} = state;
      if (current?.taskID !== message.task.taskID || current.attempt !== message.task.attempt)
        return stay(state);
      const {current: _, ...rest} = state;
      return stay({...rest, status: state.status === 'Busy' ? 'Unlock' : state.status});
    }
    case 'exited':
      return exited(state, message.reason);
    case 'lingered':
      return stay(state, {type: 'stopNow'});
    case 'execute':
    case 'follow':
      return begin(state, message);
    case 'shutdown':
      if (state.status === 'ShuttingDown') return stay(state);
      return state.handle === undefined
        ? stay({...state, status: 'ShuttingDown'})
        : {
            state: {...state, status: 'ShuttingDown'},
            effects: [{type: 'use', handle: state.handle, command: message}],
          };
    case 'confirm': {
      const {handle, hasExited} = state;
      if (handle === undefined) return refuse(state, message);
      const open = without(state.open, message.task);
      const effects: EngineEffect[] = [{type: 'use', handle, command: message}];
      if (hasExited && open.length === 0) effects.push({type: 'stop'});
      return {state: {...state, open}, effects};
    }
    case 'detach':
    case 'killTask':
    case 'publishResults':
      return state.handle === undefined
        ? refuse(state, message)
        : stay(state, {type: 'use', handle: state.handle, command: message});
  }
}

function begin(state: EngineState, message: EngineCommand & {type: 'execute' | 'follow'}): EngineDecision {
  const {
    task: {taskID, attempt},
    job,
  } = message;
  const {handle, status} = state;
  const task = {taskID, attempt};
  if (handle === undefined || (status !== 'Unlock' && status !== 'Busy')) return refuse(state, message);
  if (message.type === 'follow' && !isKnown(state, task)) {
    // Whoever asked crashed before it had the task executed: there is nothing to follow, and nothing ran.
    const failure: Failure = {
      code: 30004,
      retryable: true,
      message: `Engine ${state.engineId} was never given attempt ${attempt} of job ${taskID}.`,
    };
    return stay(state, {type: 'tellJob', job, report: {type: 'executeFailed', attempt, failure}});
  }
  return {
    state: {...state, status: 'Busy', current: {...task, job}, open: [...without(state.open, task), task]},
    effects: [{type: 'use', handle, command: message}],
  };
}

const isKnown = ({open, handle}: EngineState, {taskID, attempt}: Task): boolean =>
  [...open, ...(handle?.task === undefined ? [] : [handle.task])].some(
    task => task.taskID === taskID && task.attempt === attempt,
  );

function exited(state: EngineState, reason: string): EngineDecision {
  const {engineId, current, status} = state;
  const effects: EngineEffect[] = [];
  if (current !== undefined) {
    effects.push({
      type: 'tellJob',
      job: current.job,
      report: {type: 'engineLost', attempt: current.attempt, reason},
    });
  }
  effects.push({type: 'report', report: {type: 'engineExited', engineId}});
  // Its job still has results to move and an end to confirm: the actor stays until that is done.
  if (state.open.length === 0) effects.push({type: 'stop'});
  const {current: _, ...rest} = state;
  return {
    state: {...rest, hasExited: true, status: status === 'ShuttingDown' ? 'Success' : 'Failed'},
    effects,
  };
}

const without = (tasks: readonly Task[], {taskID, attempt}: Task): Task[] =>
  tasks.filter(task => task.taskID !== taskID || task.attempt !== attempt);

function refuse(state: EngineState, command: EngineCommand): EngineDecision {
  const failure: Failure = {
    code: 30004,
    retryable: true,
    message: `Engine ${state.engineId} is ${state.status} and takes no task. Another engine will be tried.`,
  };
  return stay(state, {type: 'refuse', command, failure});
}

const stay = (state: EngineState, ...effects: EngineEffect[]): EngineDecision => ({state, effects});

export type EngineDependencies = {
  readonly engineId: string;
  readonly pool: Ref<EnginePoolReport>;
  /** Starts the process, or hands over one that was adopted. */
  readonly launch: () => Promise<EngineHandle>;
  readonly shutdownGraceMs: number;
};

/** Tell it `begin` to launch the process, or `adopted` with one that was found. */
export function engineConn({
  engineId,
  pool,
  launch,
  shutdownGraceMs,
}: EngineDependencies): Machine<EngineState, EngineMessage, EngineEffect> {
  // An engine knows nothing of a task that it is still being given: a kill must not overtake it.
  let given: Promise<void> = Promise.resolve();
  return {
    initial: {engineId, status: 'Starting', open: [], hasExited: false},
    decide: decideEngine,
    perform(effect, context) {
      switch (effect.type) {
        case 'launch':
          void launch().then(
            handle => context.self.tell({type: 'launched', handle}),
            (error: unknown) =>
              context.self.tell({type: 'launchFailed', failure: {...toFailure(error), retryable: true}}),
          );
          return;
        case 'reportStarted':
          pool.tell({type: 'engineStarted', engineId, ref: context.self});
          return;
        case 'report':
          pool.tell(effect.report);
          return;
        case 'watchExit':
          void effect.handle.exited.then(({reason}) => context.self.tell({type: 'exited', reason}));
          return;
        case 'tellJob':
          effect.job.tell(effect.report);
          return;
        case 'refuse':
          return refused(effect.command, effect.failure);
        case 'use': {
          const {handle, command} = effect;
          if (command.type === 'execute') given = execute(handle, command, context.self);
          else if (command.type === 'killTask') void given.then(() => kill(handle, command));
          else use(handle, command, context, shutdownGraceMs);
          return;
        }
        case 'stop':
          // A task told to an actor that stops would be lost in its mailbox, and its job wait for ever; now it is refused.
          return context.setTimer('linger', lingerMs, {type: 'lingered'});
        case 'stopNow':
          return context.stop(context.self, 'finished');
      }
    },
  };
}

function refused(command: EngineCommand, failure: Failure): void {
  switch (command.type) {
    case 'execute':
      command.job.tell({type: 'executeFailed', attempt: command.task.attempt, failure});
      return;
    case 'follow':
      command.job.tell({type: 'engineLost', attempt: command.task.attempt, reason: failure.message});
      return;
    case 'publishResults':
      return command.settled(failure);
    case 'killTask':
    case 'confirm':
    case 'shutdown':
    case 'detach':
      return;
  }
}

/** Resolves when the engine has the task, or has refused it. */
async function execute(
  handle: EngineHandle,
  {task, job}: EngineCommand & {type: 'execute'},
  self: Ref<EngineMessage>,
): Promise<void> {
  try {
    await handle.execute(task);
  } catch (error) {
    self.tell({type: 'taskEnded', task});
    const failure: Failure = {...toFailure(error), retryable: true};
    job.tell({type: 'executeFailed', attempt: task.attempt, failure});
    return;
  }
  // The spool is followed only once the engine has the task; until then there is nothing to read.
  follow(handle, task, 0, job, self);
}

const kill = (handle: EngineHandle, {task, graceMs, why}: EngineCommand & {type: 'killTask'}): void =>
  handle.kill(task.taskID, task.attempt, graceMs, why);

function use(
  handle: EngineHandle,
  command: Exclude<EngineCommand, {type: 'execute' | 'killTask'}>,
  {self}: ActorContext<EngineMessage>,
  graceMs: number,
): void {
  switch (command.type) {
    case 'follow':
      return follow(handle, command.task, command.fromOffset, command.job, self);
    case 'publishResults':
      void handle.publishResults(command.task.taskID, command.task.attempt, command.directory).then(
        () => command.settled(),
        (error: unknown) => command.settled(toFailure(error)),
      );
      return;
    case 'confirm':
      // A spool that could not be removed now is found and removed at the next start.
      handle.confirm(command.task.taskID, command.task.attempt).catch(() => undefined);
      return;
    case 'shutdown':
      handle.shutdown(graceMs).catch(() => undefined);
      return;
    case 'detach':
      return handle.detach();
  }
}

/** Hands each batch to the job, and takes the next only when the job has taken this one over: that is the back-pressure. */
function follow(
  handle: EngineHandle,
  {taskID, attempt}: Task,
  fromOffset: number,
  job: Ref<JobReport>,
  engine: Ref<EngineMessage>,
): void {
  handle.follow(taskID, attempt, fromOffset, async events => {
    for (const event of events) {
      await deliver(event, job);
      if (event.type === 'ended') engine.tell({type: 'taskEnded', task: {taskID, attempt}});
    }
  });
}

function deliver(event: EngineEvent, job: Ref<JobReport>): Promise<void> | void {
  const {attempt} = event;
  switch (event.type) {
    case 'log': {
      const {lines, offset} = event;
      // A job that is gone takes nothing over; its spool keeps the lines for whoever owns it now.
      return new Promise(taken => {
        job.tell({type: 'output', attempt, lines, offset, taken});
      });
    }
    case 'progress':
      job.tell({type: 'progressed', attempt, progress: event.progress, info: event.info});
      return;
    case 'ended':
      job.tell({type: 'taskEnded', attempt, end: event.end});
      return;
  }
}
