/** SQLite, by way of a process of its own (`sqlite-process.ts`), which a cancel ends. */
import {fork} from 'node:child_process';
import {extname} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {CellValue} from '../kit/task-context.ts';
import {placeOf} from './connection-settings.ts';
import {ConnectFailedError} from './jdbc-errors.ts';
import type {SqliteReply, SqliteRequest} from './sqlite-messages.ts';
import type {SqlAnswer, SqlConnection} from './sql-connection.ts';

const program = fileURLToPath(new URL(`sqlite-process${extname(import.meta.url)}`, import.meta.url));

/** Rejects with `ConnectFailedError`. */
export async function openSqlite(file: string): Promise<SqlConnection> {
  const child = fork(program, {serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc']});
  const gone = Promise.withResolvers<void>();
  let isGone = false;
  let waiting: ((reply: SqliteReply) => void) | undefined;
  const say = (reply: SqliteReply): void => {
    const listener = waiting;
    waiting = undefined;
    listener?.(reply);
  };
  const ended = (why: string): void => {
    isGone = true;
    gone.resolve();
    say({type: 'failed', message: why});
  };
  child.on('message', (reply: SqliteReply) => say(reply));
  child.on('error', error => ended(`its process failed: ${error.message}`));
  child.on('exit', (code, signal) => ended(`its process ended (${signal ?? `exit code ${code}`})`));

  function ask(request: SqliteRequest): Promise<SqliteReply> {
    const {promise, resolve} = Promise.withResolvers<SqliteReply>();
    if (isGone) resolve({type: 'failed', message: 'its process is gone'});
    else {
      waiting = resolve;
      child.send(request, error => {
        if (error !== null) say({type: 'failed', message: error.message});
      });
    }
    return promise;
  }

  async function kill(): Promise<void> {
    child.kill('SIGKILL');
    await gone.promise;
  }

  async function* batches(first: SqliteReply): AsyncGenerator<readonly (readonly CellValue[])[]> {
    let reply = first;
    try {
      while (reply.type === 'rows') {
        const {rows} = reply;
        // Asked for before these are stored, so that both processes work at the same time.
        const next = ask({type: 'more'});
        let isTaken = false;
        try {
          yield rows;
          isTaken = true;
        } finally {
          reply = await next;
          if (!isTaken && reply.type === 'rows') await ask({type: 'stop'});
        }
      }
    } finally {
      if (reply.type === 'failed') failIn(reply);
    }
  }

  const opened = await ask({type: 'open', file});
  if (opened.type === 'failed') {
    await kill();
    throw new ConnectFailedError(placeOf({kind: 'sqlite', file}), opened.message);
  }
  return {
    async *query(sql): AsyncGenerator<SqlAnswer> {
      const reply = await ask({type: 'query', sql});
      if (reply.type === 'columns') {
        const {columns, rows} = reply;
        const first: SqliteReply =
          rows.length > 0 ? {type: 'rows', rows} : {type: 'done', affected: undefined};
        yield {type: 'rows', columns, batches: batches(first)};
      } else if (reply.type === 'done') {
        yield reply.affected === undefined ? {type: 'done'} : {type: 'done', affected: reply.affected};
      } else {
        failIn(reply);
      }
    },
    cancel: kill,
    async rollback() {
      const reply = await ask({type: 'rollback'});
      return reply.type === 'rolledBack' && reply.wasOpen;
    },
    isAlive: () => Promise.resolve(!isGone),
    isBroken: () => isGone,
    onNotice: () => undefined,
    close: kill,
  };
}

function failIn(reply: SqliteReply): void {
  if (reply.type === 'failed') throw new Error(reply.message);
}
