/**
 * A server of its own for one test file, started by `tools/servers.sh`. Started while the file is loaded, since AVA must
 * know by then which tests there are: without the server they are skipped, by name and with the reason.
 */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {ExecutionContext} from 'ava';
import {MikroORM} from '@mikro-orm/core';
import {MySqlDriver} from '@mikro-orm/mysql';
import {systemClock} from '../../actors/runtime/clock.ts';
import {openDatabase, type Database, type DatabaseOptions} from '../../persistence/database.ts';

export type ServerName = 'mariadb' | 'mysql';

export type Server = {
  readonly name: ServerName;
  /** `mysql://user:password@host:port`, without a database. */
  readonly url: string;
  readonly pid: number;
  /** Ends and removes it. */
  readonly remove: () => void;
  /** Starts it again, on the same port, after its process has ended. */
  readonly restart: () => Server;
  /** A statement as the server's administrator; rows of the last one. */
  readonly ask: (sql: string, database?: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
};

const script = fileURLToPath(new URL('../../tools/servers.sh', import.meta.url));
const exitCodeAbsent = 3;

/** Undefined, with the reason, when there is no such server on this machine. */
export function startServer(name: ServerName, at?: string): Server | {readonly absent: string} {
  const directory = at ?? mkdtempSync(join(tmpdir(), 'tenon-servers-'));
  const {status, stdout, stderr} = spawnSync(script, ['start', name, '--dir', directory], {encoding: 'utf8'});
  if (status === exitCodeAbsent) return {absent: stderr.trim().split('\n').at(-1) ?? ''};
  if (status !== 0) throw new Error(`${name} did not start:\n${stdout}${stderr}`);
  const settings = new Map(
    stdout
      .trim()
      .split('\n')
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const url = settings.get(`${name.toUpperCase()}_URL`) ?? '';
  const server: Server = {
    name,
    url,
    pid: Number(settings.get(`${name.toUpperCase()}_PID`)),
    remove() {
      spawnSync(script, ['stop', name, '--remove', '--dir', directory]);
      rmSync(directory, {recursive: true, force: true});
    },
    restart() {
      const again = startServer(name, directory);
      if ('absent' in again) throw new Error(again.absent);
      return again;
    },
    async ask(sql, database = 'mysql') {
      const orm = await bareOrm(`${url}/${database}`);
      try {
        return await orm.driver.getConnection().execute<Record<string, unknown>[]>(sql);
      } finally {
        await orm.close(true);
      }
    },
  };
  return server;
}

/** MikroORM without entities, for statements that no store of ours would make. */
export const bareOrm = (clientUrl: string): Promise<MikroORM<MySqlDriver>> =>
  MikroORM.init<MySqlDriver>({
    driver: MySqlDriver,
    clientUrl,
    entities: [],
    discovery: {warnWhenNoEntities: false},
    ensureDatabase: false,
    multipleStatements: true,
    logger: () => undefined,
  });

let databases = 0;

/** The URL of a fresh, empty database. */
export async function freshServerDatabase(server: Server, charset = 'utf8mb4'): Promise<string> {
  databases += 1;
  const name = `t${databases}_${process.pid}`;
  await server.ask(`create database ${name} character set ${charset}`);
  return `${server.url}/${name}`;
}

export const openServerDatabase = async (
  t: ExecutionContext,
  url: string,
  options: Partial<DatabaseOptions> = {},
): Promise<Database> => {
  const database = await openDatabase({
    url,
    dataDirectory: tmpdir(),
    log: (_level, message) => t.log(message),
    clock: systemClock,
    ...options,
  });
  t.teardown(() => database.close());
  return database;
};
