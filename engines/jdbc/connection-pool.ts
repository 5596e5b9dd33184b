/**
 * The connections of one engine, one for each setting, kept from task to task: an engine serves one task at a time. A
 * connection that broke or does not answer any more is replaced; the longest unused one goes when there are too many.
 */
import {createHash} from 'node:crypto';
import {openConnection, type EmbeddedOptions, type SqlConnection} from './sql-connection.ts';
import type {ConnectionSettings} from './connection-settings.ts';

const connectionsMax = 8;

export type ConnectionPool = {
  /** Rejects with `ConnectFailedError`. `onReplaced`: there was one, but it did not answer. */
  readonly take: (settings: ConnectionSettings, onReplaced: () => void) => Promise<SqlConnection>;
  /** After a task: what is broken goes, and what would keep others out. */
  readonly giveBack: (settings: ConnectionSettings) => Promise<void>;
  readonly close: () => Promise<void>;
};

export function createConnectionPool(embedded: EmbeddedOptions): ConnectionPool {
  // A map keeps the order of insertion, so the first is the longest unused.
  const kept = new Map<string, SqlConnection>();

  async function reuse(key: string, onReplaced: () => void): Promise<SqlConnection | undefined> {
    const found = kept.get(key);
    if (found === undefined) return undefined;
    kept.delete(key);
    if (!found.isBroken() && (await found.isAlive())) return found;
    onReplaced();
    await found.close();
    return undefined;
  }

  /** One after the other: a task that was killed may have left one on its way. */
  let taking: Promise<unknown> = Promise.resolve();

  async function takeNext(settings: ConnectionSettings, onReplaced: () => void): Promise<SqlConnection> {
    const key = keyOf(settings);
    const connection = (await reuse(key, onReplaced)) ?? (await openConnection(settings, embedded));
    kept.set(key, connection);
    const [oldest] = kept.keys();
    if (kept.size > connectionsMax && oldest !== undefined) {
      await kept.get(oldest)?.close();
      kept.delete(oldest);
    }
    return connection;
  }

  return {
    take(settings, onReplaced) {
      const next = taking.then(() => takeNext(settings, onReplaced));
      taking = next.catch(() => undefined);
      return next;
    },
    async giveBack(settings) {
      const key = keyOf(settings);
      const connection = kept.get(key);
      if (connection === undefined || !(connection.isBroken() || locksFile(settings))) return;
      kept.delete(key);
      await connection.close();
    },
    async close() {
      const all = [...kept.values()];
      kept.clear();
      await Promise.all(all.map(connection => connection.close()));
    },
  };
}

/** DuckDB lets one process at a time open a file. */
const locksFile = (settings: ConnectionSettings): boolean =>
  settings.kind === 'duckdb' && settings.file !== ':memory:';

/** A hash: passwords are not kept as keys that a dump of the heap would show at once. */
const keyOf = (settings: ConnectionSettings): string =>
  createHash('sha256').update(JSON.stringify(settings)).digest('base64');
