/** What can go wrong between a node and an engine process. Codes without a Linkis meaning are ours: 50220 and up. */
import {LinkisError} from '../actors/domain/errors.ts';

/** Linkis' ECM code for an engine that did not start. */
export class EngineLaunchError extends LinkisError {
  override readonly name = 'EngineLaunchError';
  readonly code = 11102;
  override readonly retryable = true;

  constructor(engineId: string, why: string, launchLog: string, cause?: unknown) {
    const log =
      launchLog.trim() === '' ? 'Its launch log is empty.' : `Its launch log ends with: ${launchLog.trim()}`;
    super(`Engine ${engineId} did not start: ${why}. ${log}`, {cause});
  }
}

/** The engine has another task that is not confirmed yet. */
export class EngineBusyError extends LinkisError {
  override readonly name = 'EngineBusyError';
  readonly code = 50220;
  override readonly retryable = true;

  constructor(engineId: string, taskID: number, why: string) {
    super(`Engine ${engineId} cannot take task ${taskID}: ${why} Give the task to another engine.`);
  }
}

/** Somebody with a higher epoch owns the task: what we believe about it is out of date. */
export class StaleEpochError extends LinkisError {
  override readonly name = 'StaleEpochError';
  readonly code = 50221;

  constructor(engineId: string, why: string) {
    super(`Engine ${engineId} obeys a later owner: ${why} Leave the task to that owner.`);
  }
}

/** The engine process is gone, or does not answer on its socket. */
export class EngineAwayError extends LinkisError {
  override readonly name = 'EngineAwayError';
  readonly code = 50222;
  override readonly retryable = true;

  constructor(engineId: string, why: string, cause?: unknown) {
    super(
      `Engine ${engineId} cannot be reached: ${why}. Its job goes on if the process lives; otherwise retry.`,
      {
        cause,
      },
    );
  }
}

/** The peer on an engine's socket, or its spool, does not keep to docs/engine-protocol.md. */
export class EngineProtocolError extends LinkisError {
  override readonly name = 'EngineProtocolError';
  readonly code = 50223;

  constructor(what: string) {
    super(
      `The engine protocol was broken: ${what}. See docs/engine-protocol.md, and host.log of that engine.`,
    );
  }
}

/** A frame announces more than its reader takes, or not even its type. Refused before its body is read. */
export class FrameLengthError extends EngineProtocolError {
  readonly length: number;

  constructor(length: number, lengthMax: number) {
    super(`a frame announces ${length} bytes; allowed are 1 to ${lengthMax}`);
    this.length = length;
  }
}

/** The engine refused a connection or request for a reason that is not one of the above. */
export class EngineRefusedError extends LinkisError {
  override readonly name = 'EngineRefusedError';
  readonly code = 50224;
  readonly reason: string;

  constructor(engineId: string, reason: string, message: string) {
    super(`Engine ${engineId} refused (${reason}): ${message}`);
    this.reason = reason;
  }
}

/** This host cannot run engines, or the folders given for them don't do. */
export class EngineSetupError extends LinkisError {
  override readonly name = 'EngineSetupError';
  readonly code = 50225;
}

/** Engines are to run as their users (`governance.isolation`), and that is not possible: at all, or for this user. */
export class EngineIsolationError extends LinkisError {
  override readonly name = 'EngineIsolationError';
  readonly code = 50240;
}
