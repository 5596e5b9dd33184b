/** What the filesystem routes share. */
import {Type} from 'typebox';
import type {Governance} from '../../actors/governance.ts';
import {FileMissingError, FileNotAllowedError, type JobFiles} from '../../actors/job-files.ts';
import type {FileAccess} from './file-access.ts';
import {FileRemovedError, PathNotPermittedError} from './file-error.ts';

export type FilesContext = {
  readonly governance: Governance;
  readonly files: JobFiles;
  readonly access: FileAccess;
  /** The data directory, absolute. */
  readonly directory: string;
  /** Bytes of a log or text that one answer shows. */
  readonly textBytesMax: number;
};

export const tags = ['filesystem'];
export const pathParameter = Type.Optional(Type.String({description: 'Plain, or file:///…'}));

/**
 * A link or the like in a job's own directory is refused in the words of a foreign path. `whyGone` is told of what is
 * missing.
 */
export async function permitted<T>(
  result: Promise<T>,
  filePath: string,
  user: string,
  whyGone?: string,
): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof FileMissingError && whyGone !== undefined) {
      throw new FileRemovedError(filePath, whyGone);
    }
    throw error instanceof FileNotAllowedError ? new PathNotPermittedError(user, filePath) : error;
  }
}
