/**
 * One job followed on one socket: which line comes next, and what was said meanwhile. At the log's end a follower gets
 * each new chunk as it is published; one that is behind, because it came late or reads slowly, is brought up from the
 * log, a page at a time, and meanwhile nothing is kept for it but numbers.
 *
 *   behind (cursor < known) ── pages ──▶ at the end (cursor = known) ── job ended ──▶ over
 *            ▲                                   │
 *            └── a chunk while the socket is full ┘
 */
import type {JobNews} from '../../actors/governance.ts';
import type {JobStatus} from '../../actors/domain/job.ts';
import type {LogPages} from './log-pages.ts';
import type {EncodedLog, JobSpeech} from './job-speech.ts';

export type Outlet = {
  /** Whether the reader keeps up: nothing but what is small and few is sent when it does not. */
  readonly isOpen: () => boolean;
  readonly send: (frame: Buffer) => void;
};

const noticesMax = 32;

export class JobSubscription {
  readonly taskID: number;
  readonly #outlet: Outlet;
  readonly #pages: LogPages;
  readonly #speech: JobSpeech;
  /** The next line to send. */
  #cursor: number;
  /** Lines that the log is known to have. */
  #known = 0;
  #end: {readonly status: JobStatus; readonly lines: number} | undefined;
  /** Statuses and progress that wait for a full socket; of several progresses in a row only the last. */
  #notices: {readonly type: 'status' | 'progress'; readonly frame: Buffer}[] = [];
  #hasStatus = false;
  #isOver = false;

  constructor(taskID: number, fromLine: number, speech: JobSpeech, outlet: Outlet, pages: LogPages) {
    this.#speech = speech;
    this.taskID = taskID;
    this.#cursor = fromLine;
    this.#outlet = outlet;
    this.#pages = pages;
  }

  get speech(): JobSpeech {
    return this.#speech;
  }

  get cursor(): number {
    return this.#cursor;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether a status was told: for a job that ended before, the caller has to tell it. */
  get hasStatus(): boolean {
    return this.#hasStatus;
  }

  get end(): {readonly status: JobStatus; readonly lines: number} | undefined {
    return this.#end;
  }

  /** Whether there are lines to bring up. */
  get isBehind(): boolean {
    return !this.#isOver && this.#cursor < this.#known;
  }

  knowLines(lines: number): void {
    this.#known = Math.max(this.#known, lines);
  }

  tell(news: JobNews): void {
    if (this.#isOver) return;
    switch (news.type) {
      case 'status':
        this.tellStatus(news.status, news.at);
        return;
      case 'progress':
        this.#notice('progress', this.#speech.progress(news.progress, news.progressInfo));
        return;
      case 'log': {
        this.knowLines(news.lines);
        const {chunk} = news;
        if (this.#cursor !== chunk.fromLine || !this.#outlet.isOpen()) return;
        const encoded = this.#pages.encode(chunk, this.#speech);
        // A chunk whose count is wrong would shift all lines after it; the log itself says what is right.
        if (encoded.lineCount === chunk.lineCount) this.sendLog(encoded);
        return;
      }
      case 'end':
        this.knowLines(news.lines);
        this.#end = news;
        return;
    }
  }

  tellStatus(status: JobStatus, at: number): void {
    this.#hasStatus = true;
    const frame = this.#speech.status(status, at);
    if (frame !== undefined) this.#notice('status', frame);
  }

  /** What was held back while the socket was full. */
  flush(): void {
    const notices = this.#notices;
    if (notices.length === 0) return;
    this.#notices = [];
    for (const {frame} of notices) this.#outlet.send(frame);
  }

  /** Sends lines that start at the cursor, or after it if those between are gone. */
  sendLog({fromLine, lineCount, frames, whyGone}: EncodedLog): void {
    if (this.#isOver) return;
    if (fromLine > this.#cursor) this.skipTo(fromLine, whyGone ?? 'These lines are no longer kept.');
    for (const frame of frames) this.#outlet.send(frame);
    this.#cursor = fromLine + lineCount;
    this.knowLines(this.#cursor);
  }

  /** Lines up to `line` are not to be had. */
  skipTo(line: number, why: string): void {
    if (this.#isOver) return;
    this.#outlet.send(this.#speech.gap(this.#cursor, line, why));
    this.#cursor = line;
  }

  /** Lines that the job is known to have are gone from the log. */
  skipToKnown(why: string): void {
    if (this.isBehind) this.skipTo(this.#known, why);
  }

  /** Sends `end` if the job has ended and all its lines were sent; then nothing follows. */
  finish(): boolean {
    if (this.#end === undefined || this.#isOver || this.isBehind || !this.#outlet.isOpen()) return false;
    this.flush();
    this.#outlet.send(this.#speech.end(this.#end.status, this.#known));
    this.#isOver = true;
    return true;
  }

  stop(): void {
    this.#isOver = true;
  }

  #notice(type: 'status' | 'progress', frame: Buffer): void {
    if (this.#outlet.isOpen() && this.#notices.length === 0) {
      this.#outlet.send(frame);
      return;
    }
    if (type === 'progress' && this.#notices.at(-1)?.type === 'progress') this.#notices.pop();
    this.#notices.push({type, frame});
    if (this.#notices.length > noticesMax) this.#notices.shift();
  }
}
