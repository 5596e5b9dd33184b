/** Why a submission is refused before it has a row. Codes and texts are Linkis' (contract 4.3) where it has one. */
import {LinkisError} from './domain/errors.ts';

/** The body has no `executionContent.code`. */
export class CodeMissingError extends LinkisError {
  override readonly name = 'CodeMissingError';
  readonly code = 20010;

  constructor() {
    super('The param executionCode cannot be empty (参数 executionCode 不能为空)');
  }
}

/** The code is empty or blank. */
export class CodeBlankError extends LinkisError {
  override readonly name = 'CodeBlankError';
  readonly code = 20007;

  constructor() {
    super('The param executionCode cannot be empty (参数 executionCode 不能为空)');
  }
}

/** Old body form of creator IDE without code and without script path. */
export class CodeAndScriptPathMissingError extends LinkisError {
  override readonly name = 'CodeAndScriptPathMissingError';
  readonly code = 20007;

  constructor() {
    super(
      'The param executionCode and scriptPath cannot be empty at the same time(参数 executionCode 和 scriptPath 不能同时为空)',
    );
  }
}

/** The body has no labels, or an empty set of them. */
export class LabelsMissingError extends LinkisError {
  override readonly name = 'LabelsMissingError';
  readonly code = 20008;

  constructor() {
    super('params cannot be empty ,  labels is null');
  }
}

/** No label says which engine the job wants. */
export class EngineTypeMissingError extends LinkisError {
  override readonly name = 'EngineTypeMissingError';
  readonly code = 20009;

  constructor() {
    super(
      'Label params invalid You need to specify engineTypeLabel in labels,such as spark-{default version}',
    );
  }
}

/** Neither `executionContent.runType` nor the label `codeType` says what language the code is in. */
export class RunTypeMissingError extends LinkisError {
  override readonly name = 'RunTypeMissingError';
  readonly code = 20009;

  constructor() {
    super('Label params invalid You need to specify runType in execution content, such as sql');
  }
}

/** No engine of that type can be started here. */
export class UnknownEngineTypeError extends LinkisError {
  override readonly name = 'UnknownEngineTypeError';
  readonly code = 20009;

  constructor(type: string, known: readonly string[]) {
    super(
      `Label params invalid There is no engine type "${type}" here. Known engine types: ${known.join(', ') || 'none'}.`,
    );
  }
}

/** Nobody is named who executes the job. */
export class ExecuteUserMissingError extends LinkisError {
  override readonly name = 'ExecuteUserMissingError';
  readonly code = 20005;

  constructor() {
    super('The execute user cannot be null(执行用户不能为空)');
  }
}

/** A part of the submission has the wrong type or can't be used; the message names it. */
export class MalformedSubmissionError extends LinkisError {
  override readonly name = 'MalformedSubmissionError';
  readonly code = 20039;

  constructor(why: string) {
    super(`Failed to analysis task,because:${why}(分析任务失败)!`);
  }
}

/** The submission is larger than this node takes. */
export class SubmissionTooLargeError extends LinkisError {
  override readonly name = 'SubmissionTooLargeError';
  readonly code = 20039;

  constructor(bytes: number, bytesMax: number) {
    super(
      `Failed to analysis task,because:the submission has ${bytes} bytes, at most ${bytesMax} are taken. Put large data` +
        ' into a file that the job reads(分析任务失败)!',
    );
  }
}

/** A check of the submission broke off; the message says how. The job is recorded as failed. */
export class CheckBrokenError extends LinkisError {
  override readonly name = 'CheckBrokenError';
  readonly code = 20039;

  constructor(cause: unknown) {
    super(
      `Failed to analysis task,because:${cause instanceof Error ? cause.message : String(cause)}(分析任务失败)!`,
      {cause},
    );
  }
}
