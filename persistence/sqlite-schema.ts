/** Sees to it that an SQLite file has every table of this build. Asks without loading MikroORM; only work needs it. */
import {extname} from 'node:path';
import {fileURLToPath} from 'node:url';
import {isCurrent, migrationTable} from './migrations/migration-names.ts';
import {textOf} from './sql-row.ts';
import type {SqlSession} from './sql-session.ts';
import {unpackFailure} from './worker-failure.ts';
import type {WorkerFailure} from './worker-protocol.ts';

const timeoutMs = 80_000;

export async function isSqliteSchemaCurrent(session: Pick<SqlSession, 'all'>): Promise<boolean> {
  const tables = await session.all("select 1 from sqlite_master where type = 'table' and name = ?", [
    migrationTable,
  ]);
  if (tables.length === 0) return false;
  const rows = await session.all(`select name from ${migrationTable}`);
  return isCurrent(rows.map(row => textOf(row, 'name')));
}

/** Rejects with `DatabaseAwayError` when the file can't be written or locked. */
export async function bringSchemaUpToDate(file: string): Promise<void> {
  // Loaded when there is work, as MikroORM is: it is much of what the thread of an idle node would hold.
  const {execFile} = await import('node:child_process');
  const program = fileURLToPath(
    new URL(`./schema-process${extname(new URL(import.meta.url).pathname)}`, import.meta.url),
  );
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, file], {timeout: timeoutMs}, (error, out, said) => {
      if (error === null) return resolve();
      const failure = readFailure(out);
      if (failure !== undefined) return reject(unpackFailure(failure));
      reject(
        new Error(`The schema of ${file} could not be brought up to date: ${error.message}\n${said}`, {
          cause: error,
        }),
      );
    });
  });
}

function readFailure(text: string): WorkerFailure | undefined {
  try {
    return JSON.parse(text) as WorkerFailure;
  } catch {
    return undefined;
  }
}
