/** A database server that SQL jobs connect to, started by `tools/servers.sh`; undefined, with the reason, where there is none. */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, chmodSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

export type SqlServerName = 'mariadb' | 'mysql' | 'postgres';

export type SqlServer = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly remove: () => void;
};

const script = fileURLToPath(new URL('../../tools/servers.sh', import.meta.url));
const exitCodeAbsent = 3;

export function startSqlServer(name: SqlServerName): SqlServer | {readonly absent: string} {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-sql-servers-'));
  // PostgreSQL runs as a user of its own, which has to get there.
  chmodSync(directory, 0o755);
  const {status, stdout, stderr} = spawnSync(script, ['start', name, '--dir', directory], {encoding: 'utf8'});
  if (status === exitCodeAbsent) return {absent: stderr.trim().split('\n').at(-1) ?? ''};
  if (status !== 0) throw new Error(`${name} did not start:\n${stdout}${stderr}`);
  const line = stdout.split('\n').find(found => found.startsWith(`${name.toUpperCase()}_URL=`)) ?? '';
  const {hostname, port, username, password} = new URL(line.slice(line.indexOf('=') + 1));
  return {
    host: hostname,
    port: Number(port),
    user: username,
    password,
    remove() {
      spawnSync(script, ['stop', name, '--remove', '--dir', directory]);
      rmSync(directory, {recursive: true, force: true});
    },
  };
}
