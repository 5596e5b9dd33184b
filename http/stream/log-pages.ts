/**
 * Log chunks as frames, read from the governance for readers that are not at the log's end. Lines never change, so what
 * was read for one reader serves all that come to the same line soon after; equal reads under way are shared. Both the
 * reads at a time and the bytes kept are bounded, whatever the number of readers.
 */
import type {Governance} from '../../actors/governance.ts';
import type {LogChunk} from '../../actors/ports.ts';
import type {EncodedLog, JobSpeech} from './job-speech.ts';
import type {StreamSettings} from './stream-settings.ts';

export class LogPages {
  readonly #governance: Pick<Governance, 'readLog'>;
  readonly #settings: StreamSettings;
  /** By job and first line, the least recently used first. */
  readonly #pages = new Map<string, EncodedLog>();
  readonly #reading = new Map<string, Promise<EncodedLog | undefined>>();
  readonly #waiting: (() => void)[] = [];
  readonly #live = new WeakMap<LogChunk, EncodedLog>();
  #cachedBytes = 0;
  #readsUnderWay = 0;

  constructor(governance: Pick<Governance, 'readLog'>, settings: StreamSettings) {
    this.#governance = governance;
    this.#settings = settings;
  }

  /** The frames of a chunk just appended: made once, for all who follow at the log's end and may share them. */
  encode(chunk: LogChunk, speech: JobSpeech): EncodedLog {
    if (!speech.isShared) return speech.log(chunk);
    const known = this.#live.get(chunk);
    if (known !== undefined) return known;
    const encoded = speech.log(chunk);
    this.#live.set(chunk, encoded);
    return encoded;
  }

  /** Lines from `fromLine` on; undefined when there are none. Rejects as `Governance.readLog` does. */
  async read(taskID: number, fromLine: number, speech: JobSpeech): Promise<EncodedLog | undefined> {
    if (!speech.isShared) return this.#readFresh(taskID, fromLine, speech);
    const key = `${taskID}:${fromLine}`;
    const page = this.#pages.get(key);
    if (page !== undefined) {
      this.#pages.delete(key);
      this.#pages.set(key, page);
      return page;
    }
    const underWay = this.#reading.get(key);
    if (underWay !== undefined) return underWay;
    const reading = this.#readFresh(taskID, fromLine, speech).then(encoded => this.#keep(key, encoded));
    this.#reading.set(key, reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(key);
    }
  }

  async #readFresh(taskID: number, fromLine: number, speech: JobSpeech): Promise<EncodedLog | undefined> {
    if (this.#readsUnderWay >= this.#settings.readsMax) {
      await new Promise<void>(resolve => {
        this.#waiting.push(resolve);
      });
    } else {
      this.#readsUnderWay++;
    }
    try {
      const chunk = await this.#governance.readLog(taskID, fromLine, Infinity, this.#settings.readBytesMax);
      if (chunk === undefined || (chunk.lineCount === 0 && chunk.fromLine <= fromLine)) return undefined;
      const {fromLine: from, lineCount, whyGone} = chunk;
      // Without lines it is but the news that some are gone, and where to go on.
      const encoded = lineCount === 0 ? {fromLine: from, lineCount, frames: [], bytes: 0} : speech.log(chunk);
      return whyGone === undefined ? encoded : {...encoded, whyGone};
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#readsUnderWay--;
      else next();
    }
  }

  #keep(key: string, encoded: EncodedLog | undefined): EncodedLog | undefined {
    const {cacheBytesMax} = this.#settings;
    if (encoded === undefined || encoded.bytes === 0 || encoded.bytes > cacheBytesMax / 8) return encoded;
    this.#pages.set(key, encoded);
    this.#cachedBytes += encoded.bytes;
    for (const [oldest, {bytes}] of this.#pages) {
      if (this.#cachedBytes <= cacheBytesMax) break;
      this.#pages.delete(oldest);
      this.#cachedBytes -= bytes;
    }
    return encoded;
  }
}
