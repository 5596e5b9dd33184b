/** How a protocol words what happens to one job. The following itself is the same for all of them. */
import type {Failure} from '../../actors/domain/errors.ts';
import type {JobStatus, ProgressInfo} from '../../actors/domain/job.ts';
import type {LogChunk} from '../../actors/ports.ts';

export type JobSpeech = {
  /** Whether the log's frames are the same for every follower of the job, so that they are made and kept once for all. */
  readonly isShared: boolean;
  /** Undefined when the protocol says this status at the end only. */
  readonly status: (status: JobStatus, at: number) => Buffer | undefined;
  readonly progress: (progress: number, progressInfo: readonly ProgressInfo[]) => Buffer;
  readonly log: (chunk: LogChunk) => EncodedLog;
  /** Lines `fromLine` up to, not including, `toLine` are not to be had. */
  readonly gap: (fromLine: number, toLine: number, why: string) => Buffer;
  readonly end: (status: JobStatus, lines: number) => Buffer;
  /** The following is over, though the job may not be. */
  readonly failure: (failure: Failure) => Buffer;
};

/** Whole lines as frames. */
export type EncodedLog = {
  readonly fromLine: number;
  readonly lineCount: number;
  readonly frames: readonly Buffer[];
  readonly bytes: number;
  /** Of lines before `fromLine`, why they are gone. */
  readonly whyGone?: string;
};
