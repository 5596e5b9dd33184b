/** What `mysql2` says of one query, as something to be taken from: its events come at the server's pace, ours is another. */
import type {Connection, FieldPacket, Query, ResultSetHeader} from 'mysql2';

/** So many rows wait for whoever stores them, then the socket is paused. */
const waitingRowsMax = 8000;

/** In the driver's order. */
export type QuerySaid =
  | {readonly type: 'fields'; readonly fields: readonly FieldPacket[]}
  | {readonly type: 'row'; readonly row: readonly unknown[]}
  | {readonly type: 'header'; readonly affected: number}
  | {readonly type: 'end'}
  | {readonly type: 'failed'; readonly error: Error};

/** What waits is bounded. */
export class QueryInbox {
  readonly #connection: Connection;
  readonly #said: QuerySaid[] = [];
  #taken = 0;
  #wake: (() => void) | undefined;
  #isPaused = false;

  constructor(connection: Connection, query: Query) {
    this.#connection = connection;
    query.on('fields', (fields: readonly FieldPacket[] | undefined) => {
      if (fields !== undefined) this.#put({type: 'fields', fields});
    });
    query.on('result', (row: readonly unknown[] | ResultSetHeader) => {
      this.#put('affectedRows' in row ? {type: 'header', affected: row.affectedRows} : {type: 'row', row});
    });
    query.on('error', error => this.#put({type: 'failed', error}));
    query.on('end', () => this.#put({type: 'end'}));
    connection.once('error', this.#failed);
    connection.once('end', this.#ended);
  }

  /** The next, without taking it. */
  async peek(): Promise<QuerySaid> {
    for (;;) {
      const next = this.#said[this.#taken];
      if (next !== undefined) return next;
      this.#said.length = 0;
      this.#taken = 0;
      if (this.#isPaused) {
        this.#isPaused = false;
        // What the driver has kept meanwhile it says before this returns, perhaps all there is.
        this.#connection.resume();
        continue;
      }
      const {promise, resolve} = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  take(): void {
    this.#taken += 1;
  }

  /** Rows that are here already, at most `max`. */
  rows(max: number): (readonly unknown[])[] {
    const found: (readonly unknown[])[] = [];
    for (; found.length < max; this.#taken += 1) {
      const next = this.#said[this.#taken];
      if (next?.type !== 'row') break;
      found.push(next.row);
    }
    // A server that is always quicker than the disk would let it grow for ever.
    if (this.#taken > waitingRowsMax) {
      this.#said.splice(0, this.#taken);
      this.#taken = 0;
    }
    return found;
  }

  close(): void {
    this.#connection.off('error', this.#failed);
    this.#connection.off('end', this.#ended);
    if (this.#isPaused) this.#connection.resume();
  }

  /** Nothing more will come. */
  fail(error: Error): void {
    this.#put({type: 'failed', error});
  }

  readonly #failed = (error: Error): void => this.fail(error);
  readonly #ended = (): void =>
    this.#put({type: 'failed', error: new Error('the server closed the connection')});

  #put(said: QuerySaid): void {
    this.#said.push(said);
    if (!this.#isPaused && this.#said.length - this.#taken > waitingRowsMax) {
      this.#isPaused = true;
      this.#connection.pause();
    }
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
