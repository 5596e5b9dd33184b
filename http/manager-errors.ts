/** What Linkis' manager refuses, with its numbers and texts (contract 3.3 to 3.6); and refusals of our own. */
import {LinkisError} from '../actors/domain/errors.ts';

/** Refused by the application manager: not an administrator, or parameters that make no sense. */
export class ManagerError extends LinkisError {
  override readonly name = 'ManagerError';
  readonly code = 210_003;
}

/** A parameter that has to be there is not. */
export class MissingParameterError extends LinkisError {
  override readonly name = 'MissingParameterError';
  readonly code = 21_001;

  constructor(parameter: 'applicationName' | 'instance') {
    super(`${parameter} cannot be null(请求参数${parameter}不能为空)`);
  }
}

/** Everybody's resources are for administrators. */
export class ResourceViewError extends LinkisError {
  override readonly name = 'ResourceViewError';
  readonly code = 120_010;

  constructor() {
    super("Only admin can read all user's resource.(只有管理员可以读取所有用户的资源.)");
  }
}

/** So is resetting them. */
export class ResourceResetError extends LinkisError {
  override readonly name = 'ResourceResetError';
  readonly code = 120_011;

  constructor() {
    super("Only admin can reset user's resource.(只有管理员可以重置用户的资源.)");
  }
}

/** There is no such engine, or it is somebody else's: whoever may not see it does not learn which. */
export class EngineNotFoundError extends LinkisError {
  override readonly name = 'EngineNotFoundError';
  readonly code = 20_680;

  constructor(engine: string) {
    super(`There is no engine ${engine} that you may see. List yours with tenon engines.`);
  }
}

/** There is no such engine manager. */
export class EcmNotFoundError extends LinkisError {
  override readonly name = 'EcmNotFoundError';
  readonly code = 20_681;

  constructor(instance: string) {
    super(`There is no engine manager ${instance}. List them with tenon engines ecms.`);
  }
}

/** Labels of an engine say what it is; they can't be given another value while it lives. */
export class EngineLabelError extends LinkisError {
  override readonly name = 'EngineLabelError';
  readonly code = 20_682;

  constructor(key: string, value: string) {
    super(
      `The label ${key} of an engine can't become ${value}: engines keep the labels they were started with.` +
        ' End it, and submit with the labels you want.',
    );
  }
}

/** The record belongs to an engine that still runs. */
export class LiveEngineRecordError extends LinkisError {
  override readonly name = 'LiveEngineRecordError';
  readonly code = 20_683;

  constructor(ticketId: string) {
    super(
      `Engine ${ticketId} still runs. Its record can be deleted when it has ended: tenon engines kill ${ticketId}`,
    );
  }
}

/** What is asked for holds more than one answer can carry. */
export class EngineLogTooLargeError extends LinkisError {
  override readonly name = 'EngineLogTooLargeError';
  readonly code = 20_684;

  constructor(bytesMax: number) {
    super(
      `The log is larger than ${bytesMax} bytes. Read it in pages: openEngineLog, or tenon engines log --from LINE.`,
    );
  }
}
