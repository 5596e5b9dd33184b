/** What the filesystem calls refuse, with Linkis' numbers and texts where it has some (contract 3.9). */
import {LinkisError} from '../../actors/domain/errors.ts';

export class EmptyPathError extends LinkisError {
  override readonly name = 'EmptyPathError';
  readonly code = 80004;

  constructor(path: string) {
    super(`The path:${path} is empty(路径:${path} 为空)!`);
  }
}

/** Not a path of the caller's jobs. What is there, if anything, is nobody else's business. */
export class PathNotPermittedError extends LinkisError {
  override readonly name = 'PathNotPermittedError';
  readonly code = 80010;

  constructor(user: string, path: string) {
    super(
      `The user: ${user} has no permission to view the contents of the directory:${path}` +
        `(该用户:${user}无权限查看该目录:${path}的内容).`,
    );
  }
}

/** The path is not that of a log of the caller's. */
export class LogNotPermittedError extends LinkisError {
  override readonly name = 'LogNotPermittedError';
  readonly code = 80018;

  constructor() {
    super('This user has no permission to read this log(该用户无权限读取此日志)!');
  }
}

export class TextTooLargeError extends LinkisError {
  override readonly name = 'TextTooLargeError';
  readonly code = 80032;

  constructor(bytes: number, bytesMax: number) {
    super(
      `The file has ${bytes} bytes, and at most ${bytesMax} can be shown(文件大小超过限制).` +
        ' Download it with POST filesystem/download.',
    );
  }
}

export class LogTooLargeError extends LinkisError {
  override readonly name = 'LogTooLargeError';
  readonly code = 80033;

  constructor(bytes: number, bytesMax: number) {
    super(
      `The log has ${bytes} bytes, and at most ${bytesMax} can be opened(日志文件过大). Read it in pieces with` +
        ' entrance/{execID}/log, follow it on /ws/v1/stream, or download it with POST filesystem/download.',
    );
  }
}

export class RowLimitError extends LinkisError {
  override readonly name = 'RowLimitError';
  readonly code = 80034;

  constructor(rowsMax: number) {
    super(
      `The result set exceeds ${rowsMax} rows and page viewing is currently not supported. Please download to view or` +
        ` view in the shared directory(结果集行数超过${rowsMax}行，暂不支持页面查看。请下载查看或在共享目录中查看)`,
    );
  }
}

export class ColumnPageError extends LinkisError {
  override readonly name = 'ColumnPageError';
  readonly code = 80036;

  constructor(page: number, size: number, sizeMax: number) {
    super(
      `columnPage ${page} with columnPageSize ${size} can't be shown: pages count from 1, and have 1 to ${sizeMax} columns.`,
    );
  }
}

/** A call of Linkis' workspace that changes files. There is no workspace here. */
export class WorkspaceNotOfferedError extends LinkisError {
  override readonly name = 'WorkspaceNotOfferedError';
  readonly code = 80108;

  constructor(call: string, instead: string) {
    super(`filesystem/${call} is not offered here. ${instead}`);
  }
}

/** Retention has removed it. */
export class FileRemovedError extends LinkisError {
  override readonly name = 'FileRemovedError';
  readonly code = 80110;

  constructor(path: string, why: string) {
    super(`There is no file ${path} any more. ${why} Run the job again if you need it.`);
  }
}

/** Parameters of a download that make no file. */
export class DownloadParameterError extends LinkisError {
  override readonly name = 'DownloadParameterError';
  readonly code = 80109;
}
