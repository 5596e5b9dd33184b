/**
 * Cancels one statement until it has ended: a cancel that overtakes its statement on the way to the database hits
 * nothing, and has to be said again.
 */
import type {Clock} from '../../actors/runtime/clock.ts';
import type {SqlConnection} from './sql-connection.ts';

const againMs = 200;

export class StatementCanceller {
  readonly #connection: SqlConnection;
  readonly #clock: Clock;
  readonly #onFailed: (error: unknown) => void;
  #phase: 'waiting' | 'cancelling' | 'over' = 'waiting';
  #saying: Promise<void> = Promise.resolve();
  #stopTimer: () => void = () => undefined;

  /** `onFailed`: the database can't be reached for it. Then the connection is given up, so that nobody waits for it. */
  constructor(connection: SqlConnection, clock: Clock, onFailed: (error: unknown) => void) {
    this.#connection = connection;
    this.#clock = clock;
    this.#onFailed = onFailed;
  }

  /** May be called again. */
  begin(): void {
    if (this.#phase !== 'waiting') return;
    this.#phase = 'cancelling';
    this.#say();
  }

  /** The statement has ended. Resolves when nothing is on its way any more. */
  async end(): Promise<void> {
    this.#phase = 'over';
    this.#stopTimer();
    await this.#saying;
  }

  #say(): void {
    this.#saying = this.#connection.cancel().then(
      () => {
        if (this.#phase === 'cancelling') this.#stopTimer = this.#clock.after(againMs, () => this.#say());
      },
      async (error: unknown) => {
        if (this.#phase !== 'cancelling') return;
        this.#onFailed(error);
        await this.#connection.close();
      },
    );
  }
}
