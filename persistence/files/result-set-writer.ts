/** Writes Linkis' text format of result sets, for engines that run inside the process, and for tests. */
import {open, type FileHandle} from 'node:fs/promises';
import {resultTypes, type ResultType} from '../../actors/job-files.ts';
import {nullText} from './result-set.ts';

const digits = 10;
/** Linkis' limit for what its own readers are sure to take. */
const recordBytesMax = 2 * 1024 * 1024;
const bufferBytesMax = 256 * 1024;

export type StoredColumn = {readonly name: string; readonly type: string; readonly comment?: string | null};

/** Writes one file; records are gathered and written in blocks. */
export class ResultSetWriter {
  readonly #file: FileHandle;
  #pieces: Buffer[] = [];
  #bytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async table(path: string, columns: readonly StoredColumn[]): Promise<ResultSetWriter> {
    const values = columns.flatMap(({name, type, comment}) => [name, type, comment ?? null]);
    return ResultSetWriter.#open(path, resultTypes.table, encodeRow(values));
  }

  /** `metadata` null is what Linkis' own engines write. */
  static async text(
    path: string,
    type: Exclude<ResultType, typeof resultTypes.table> = resultTypes.text,
    metadata: string | null = null,
  ): Promise<ResultSetWriter> {
    return ResultSetWriter.#open(path, type, Buffer.from(metadata ?? 'NULL'));
  }

  static async #open(path: string, type: ResultType, metadata: Buffer): Promise<ResultSetWriter> {
    const writer = new ResultSetWriter(await open(path, 'wx', 0o600));
    writer.#pieces.push(Buffer.from(`dolphin${String(type).padStart(digits, '0')}`));
    await writer.#add(metadata);
    return writer;
  }

  /** A row of a table; null and undefined are SQL's null. Throws `RangeError` for a row over 2 MB. */
  async row(values: readonly (string | null | undefined)[]): Promise<void> {
    await this.#add(encodeRow(values));
  }

  async line(text: string): Promise<void> {
    await this.#add(Buffer.from(text));
  }

  async close(): Promise<void> {
    await this.#flush();
    await this.#file.close();
  }

  async #add(payload: Buffer): Promise<void> {
    if (payload.length > recordBytesMax) {
      throw new RangeError(`A record has ${payload.length} bytes, Linkis' limit is ${recordBytesMax}.`);
    }
    this.#pieces.push(Buffer.from(String(payload.length).padStart(digits, '0')), payload);
    this.#bytes += payload.length + digits;
    if (this.#bytes > bufferBytesMax) await this.#flush();
  }

  async #flush(): Promise<void> {
    const block = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    if (block.length > 0) await this.#file.writeFile(block);
  }
}

function encodeRow(values: readonly (string | null | undefined)[]): Buffer {
  const encoded = values.map(value => Buffer.from(value ?? nullText));
  const index = encoded.map(({length}) => `${length},`).join('');
  return Buffer.concat([Buffer.from(String(index.length).padStart(digits, '0') + index), ...encoded]);
}
