/**
 * One SQL task: its code is cut into statements, which run one after the other on one connection; each that answers with
 * rows becomes a result set. The first that fails ends the task.
 */
import type {EngineTaskRequest, TaskContext} from '../kit/task-context.ts';
import {failureCode, TaskFailure} from '../kit/task-failure.ts';
import type {ConnectionPool} from './connection-pool.ts';
import {placeOf, settingKeys, sqlSettings, type SqlSettings} from './connection-settings.ts';
import {
  ConnectionLostError,
  NoStatementError,
  StatementFailedError,
  StatementTimeoutError,
} from './jdbc-errors.ts';
import {hidden} from './secret-text.ts';
import type {SqlAnswer, SqlConnection} from './sql-connection.ts';
import {StatementCanceller} from './statement-canceller.ts';
import {splitStatements, type SqlStatement} from './statement-split.ts';
import type {Clock} from '../../actors/runtime/clock.ts';

/** Rejects with the errors of `jdbc-errors.ts`, and with the signal's reason once it is aborted. */
export async function runSql(
  {code, runtimeParams}: EngineTaskRequest,
  context: TaskContext,
  {pool, clock}: {readonly pool: ConnectionPool; readonly clock: Clock},
): Promise<void> {
  const settings = sqlSettings(runtimeParams, context.engine.properties);
  const {connection: wanted} = settings;
  const statements = splitStatements(code, wanted.kind);
  if (statements.length === 0) throw new NoStatementError();
  const secret = 'password' in wanted ? wanted.password : '';
  const {log} = context;
  if (settings.ignored.length > 0) {
    log('WARN', `Parameters of the database URL that mean nothing here: ${settings.ignored.join(', ')}.`);
  }
  report(context, 0, statements.length);
  const connection = await orAborted(
    context.signal,
    pool.take(wanted, () =>
      log('WARN', `The connection to ${placeOf(wanted)} was lost since the last task; a new one is opened.`),
    ),
  );
  connection.onNotice(text => log('INFO', `Notice: ${hidden(text, secret)}`));
  try {
    const task = new SqlTask(connection, settings, statements.length, context, clock);
    for (const [index, statement] of statements.entries()) {
      await task.run(statement, index + 1);
      report(context, index + 1, statements.length);
    }
  } finally {
    if (!connection.isBroken() && (await connection.rollback())) {
      log('WARN', 'A transaction was left open; it was rolled back. End it with commit to keep what it did.');
    }
    connection.onNotice(() => undefined);
    await pool.giveBack(wanted);
  }
}

/** What is being opened stays in the pool, for a task that comes later. */
async function orAborted<Value>(signal: AbortSignal, promise: Promise<Value>): Promise<Value> {
  signal.throwIfAborted();
  const {promise: aborted, reject} = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    promise.catch(() => undefined);
  }
}

function report({progress}: TaskContext, done: number, count: number): void {
  const runningTasks = done < count ? 1 : 0;
  progress(done / count, [
    {id: 'statements', totalTasks: count, runningTasks, failedTasks: 0, succeedTasks: done},
  ]);
}

class SqlTask {
  readonly #connection: SqlConnection;
  readonly #settings: SqlSettings;
  readonly #count: number;
  readonly #context: TaskContext;
  readonly #clock: Clock;

  constructor(
    connection: SqlConnection,
    settings: SqlSettings,
    count: number,
    context: TaskContext,
    clock: Clock,
  ) {
    this.#connection = connection;
    this.#settings = settings;
    this.#count = count;
    this.#context = context;
    this.#clock = clock;
  }

  async run(statement: SqlStatement, number: number): Promise<void> {
    const {signal, log} = this.#context;
    signal.throwIfAborted();
    const startMs = this.#clock.monotonicMs();
    const timeoutMs = this.#settings.statementTimeoutMs;
    let isTooLong = false;
    const canceller = new StatementCanceller(this.#connection, this.#clock, error =>
      log('WARN', `The statement could not be cancelled in the database: ${this.#hidden(error)}.`),
    );
    const cancel = (): void => canceller.begin();
    signal.addEventListener('abort', cancel, {once: true});
    const stopTimer = this.#clock.after(timeoutMs, () => {
      isTooLong = true;
      cancel();
    });
    try {
      for await (const answer of this.#connection.query(statement.text)) {
        const what = await this.#take(answer);
        signal.throwIfAborted();
        const tookMs = Math.round(this.#clock.monotonicMs() - startMs);
        log('INFO', `Statement ${number} of ${this.#count} (${statement.verb}): ${what}, ${tookMs} ms.`);
      }
      // Some databases answer a cancelled statement as if it had ended.
      signal.throwIfAborted();
      if (isTooLong) throw new StatementTimeoutError(number, this.#count, timeoutMs);
    } catch (error) {
      signal.throwIfAborted();
      if (isTooLong) throw new StatementTimeoutError(number, this.#count, timeoutMs);
      throw this.#failure(error, statement, number);
    } finally {
      stopTimer();
      signal.removeEventListener('abort', cancel);
      // One that is on its way would hit what comes next.
      await canceller.end();
    }
  }

  async #take(answer: SqlAnswer): Promise<string> {
    if (answer.type === 'done') {
      return answer.affected === undefined ? 'done' : `${plural(answer.affected, 'row')} affected`;
    }
    const {rowsMax, bytesMax} = this.#settings;
    const {resultSet, log} = this.#context;
    const rows = await resultSet(answer.columns);
    for await (const batch of answer.batches) {
      const room = rowsMax === 0 ? batch.length : rowsMax - rows.size().rows;
      await rows.addAll(room < batch.length ? batch.slice(0, room) : batch);
      if (room < batch.length) {
        log(
          'WARN',
          `The result set was cut after ${plural(rowsMax, 'row')} (${settingKeys.rowsMax}); there are more.`,
        );
        break;
      }
      if (bytesMax > 0 && rows.size().bytes > bytesMax) {
        const {bytes} = rows.size();
        log('WARN', `The result set was cut after ${bytes} bytes (${settingKeys.bytesMax} is ${bytesMax}).`);
        break;
      }
    }
    await rows.close();
    return plural(rows.size().rows, 'row');
  }

  #failure(error: unknown, {line}: SqlStatement, number: number): Error {
    // The kit's own, such as a row that is too long or a full disk, says it best.
    if (error instanceof TaskFailure && error.code === failureCode.outputNotStored) return error;
    if (error instanceof Error && 'code' in error && fullDisk.has(String(error.code)) && 'syscall' in error)
      return error;
    const why = this.#hidden(error);
    const place = placeOf(this.#settings.connection);
    return this.#connection.isBroken()
      ? new ConnectionLostError(place, number, this.#count, why, error)
      : new StatementFailedError(number, this.#count, line, why, error);
  }

  #hidden(error: unknown): string {
    const {connection} = this.#settings;
    const text = error instanceof Error ? error.message : String(error);
    return hidden(text, 'password' in connection ? connection.password : '');
  }
}

const fullDisk = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
