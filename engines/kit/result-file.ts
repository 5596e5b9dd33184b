/**
 * Writes one result set in Linkis' format (`dolphin`, contract 7.3). Rows are gathered into a block; while one block is on
 * its way to the disk the other is filled, and whoever adds waits for the former. The file gets its name only when it is
 * whole.
 */
import {open, rename, rm, type FileHandle} from 'node:fs/promises';
import {resultTypes, type ResultType} from '../../actors/job-files.ts';
import {RecordBlock} from './record-block.ts';
import {failureCode, TaskFailure} from './task-failure.ts';
import type {CellValue, ColumnDefinition, ResultRows} from './task-context.ts';

/** Linkis' writers and readers refuse longer records. */
const recordBytesMax = 2 * 1024 * 1024;
const blockBytes = 512 * 1024;
/** Written when it is so full, so that it hardly ever has to grow. */
const blockBytesDue = 384 * 1024;
const noMetadata = 'NULL';

export class ResultFile implements ResultRows {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #signal: AbortSignal;
  #filling = new RecordBlock(blockBytes);
  #spare = new RecordBlock(blockBytes);
  #writing: Promise<unknown> = Promise.resolve();
  #rows = 0;
  #bytes = 0;
  #state: 'open' | 'closed' | 'discarded' = 'open';

  private constructor(path: string, file: FileHandle, signal: AbortSignal) {
    this.#path = path;
    this.#file = file;
    this.#signal = signal;
  }

  static async table(
    path: string,
    columns: readonly ColumnDefinition[],
    signal: AbortSignal,
  ): Promise<ResultFile> {
    const values = columns.flatMap(({name, type, comment}) => [name, type ?? 'string', comment ?? null]);
    const file = await ResultFile.#open(path, resultTypes.table, signal);
    file.#checked(file.#filling.addRow(values, recordBytesMax));
    return file;
  }

  /** Each line is a record. */
  static async text(path: string, text: string, signal: AbortSignal): Promise<ResultFile> {
    const file = await ResultFile.#open(path, resultTypes.text, signal);
    // What Linkis' own engines write for no metadata.
    file.#filling.addText(noMetadata, recordBytesMax);
    for (const line of text.replace(/\n$/, '').split('\n')) {
      file.#checked(file.#filling.addText(line, recordBytesMax));
      if (file.#filling.size > blockBytesDue) await file.#flush();
    }
    return file;
  }

  static async #open(path: string, type: ResultType, signal: AbortSignal): Promise<ResultFile> {
    const file = new ResultFile(path, await open(`${path}.part`, 'w', 0o600), signal);
    file.#filling.addHead(`dolphin${String(type).padStart(10, '0')}`);
    return file;
  }

  readonly add = async (row: readonly CellValue[]): Promise<void> => this.addAll([row]);

  readonly addAll = async (rows: readonly (readonly CellValue[])[]): Promise<void> => {
    if (this.#state !== 'open') throw new Error('this result set is closed');
    for (const row of rows) {
      this.#checked(this.#filling.addRow(row, recordBytesMax));
      this.#rows += 1;
      if (this.#filling.size > blockBytesDue) await this.#flush();
    }
  };

  readonly size = (): {readonly rows: number; readonly bytes: number} => ({
    rows: this.#rows,
    bytes: this.#bytes,
  });

  readonly close = async (): Promise<void> => {
    if (this.#state !== 'open') return;
    this.#state = 'closed';
    try {
      await this.#flush();
      await this.#writing;
      await this.#file.close();
      await rename(`${this.#path}.part`, this.#path);
    } catch (error) {
      this.#state = 'discarded';
      await this.#remove();
      throw error;
    }
  };

  /** Nobody will read it. */
  async discard(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'discarded';
    await this.#writing.catch(() => undefined);
    await this.#remove();
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Closed, and there under its name. */
  get isWhole(): boolean {
    return this.#state === 'closed';
  }

  #checked(bytes: number): void {
    if (bytes > recordBytesMax) {
      throw new TaskFailure(
        failureCode.outputNotStored,
        `Row ${this.#rows + 1} of a result set has ${bytes} bytes; Linkis' readers take ${recordBytesMax}. Select less of it.`,
      );
    }
    this.#bytes += bytes;
  }

  /** Waits for the block before, then begins with this one. */
  async #flush(): Promise<void> {
    await this.#writing;
    this.#signal.throwIfAborted();
    const block = this.#filling;
    this.#filling = this.#spare;
    this.#filling.clear();
    this.#spare = block;
    this.#writing = this.#file.writeFile(block.bytes());
    // Whoever waits next gets the error; until then it is nobody's.
    this.#writing.catch(() => undefined);
  }

  async #remove(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(`${this.#path}.part`, {force: true});
  }
}
