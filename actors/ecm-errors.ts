/** What can go wrong between the owner of an engine and the ECM that holds it. Codes 20950 to 20959. */
import {LinkisError, type Failure} from './domain/errors.ts';

/** No reachable node has an ECM that could start it. */
export class NoEcmError extends LinkisError {
  override readonly name = 'NoEcmError';
  readonly code = 20950;
  override readonly retryable = true;

  constructor(engineId: string, why: string) {
    super(
      `Engine ${engineId} could not be started: ${why}. Start a node with the role ecm, or look at why it is away.`,
    );
  }
}

/** That ECM has no such engine, or not any more. */
export class UnknownEngineError extends LinkisError {
  override readonly name = 'UnknownEngineError';
  readonly code = 20951;

  constructor(engineId: string, instance: string) {
    super(
      `The ECM of ${instance} has no engine ${engineId}. It may be at another node of that host, or gone.`,
    );
  }
}

/** Another owner has the engine: what we believe about its task is out of date. */
export class EngineDisplacedError extends LinkisError {
  override readonly name = 'EngineDisplacedError';
  readonly code = 20952;

  constructor(engineId: string, why: string) {
    super(`Engine ${engineId} obeys another owner: ${why}. Leave its task to that owner.`);
  }
}

/** The engine is there and has never heard of that attempt; from now on it will refuse it. */
export class NeverBegunError extends LinkisError {
  override readonly name = 'NeverBegunError';
  readonly code = 20953;

  constructor(engineId: string, taskID: number, attempt: number) {
    super(
      `Engine ${engineId} was never given attempt ${attempt} of job ${taskID}, and takes it no more.` +
        ' Nothing of it ran: begin the next attempt.',
    );
  }
}

/** The ECM is still looking for the engines an earlier process left, or about to leave. */
export class EcmNotReadyError extends LinkisError {
  override readonly name = 'EcmNotReadyError';
  readonly code = 20954;
  override readonly retryable = true;

  constructor(instance: string, why: string) {
    super(`The ECM of ${instance} ${why}. Ask again in a moment, or another node.`);
  }
}

/** The host runs as many engines as it may. */
export class EcmFullError extends LinkisError {
  override readonly name = 'EcmFullError';
  readonly code = 20955;
  override readonly retryable = true;

  constructor(instance: string, engines: number, enginesMax: number) {
    super(
      `The ECM of ${instance} has ${engines} engines, its limit is ${enginesMax}. Wait until one ends, raise` +
        ' governance.enginesMax there, or start another node with the role ecm.',
    );
  }
}

/** The engine was given that task a moment ago, and it is not known yet whether it has begun it. */
export class EngineBetweenTasksError extends LinkisError {
  override readonly name = 'EngineBetweenTasksError';
  readonly code = 20958;
  override readonly retryable = true;

  constructor(engineId: string, taskID: number) {
    super(
      `Whether engine ${engineId} has begun job ${taskID} shows when its task before is confirmed. Ask again.`,
    );
  }
}

/** The node that held the engine is gone, and nobody else has it. */
export class EngineLostError extends LinkisError {
  override readonly name = 'EngineLostError';
  readonly code = 20956;
  override readonly retryable = true;

  constructor(engineId: string, reason: string) {
    super(`Engine ${engineId} is not there any more: ${reason}. Give its job to another engine.`);
  }
}

/** The engine is there, but has nobody, or an earlier life of ours, as its owner. */
export class NotAttachedError extends LinkisError {
  override readonly name = 'NotAttachedError';
  readonly code = 20957;
  override readonly retryable = true;

  constructor(engineId: string) {
    super(`Engine ${engineId} has no owner at this ECM. Attach to it, then repeat the command.`);
  }
}

/** A failure that another node reports, with the code it has there. */
export class ReportedError extends LinkisError {
  override readonly name = 'ReportedError';
  readonly code: number;
  override readonly retryable: boolean;

  constructor({code, message, retryable}: Failure) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

/** What the receiver of a failure has to tell apart. */
export const ecmFailure = {
  unknown: 20951,
  displaced: 20952,
  neverBegun: 20953,
  notReady: 20954,
  full: 20955,
  lost: 20956,
  notAttached: 20957,
} as const;
