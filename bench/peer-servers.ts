/** Redis and PostgreSQL for comparisons, through `tools/servers.sh`: own instances, gone afterwards. */
import {spawnSync} from 'node:child_process';
import {chmodSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const servers = fileURLToPath(new URL('../tools/servers.sh', import.meta.url));

export type PeerServers = Disposable & {
  /** Without persistence, as a queue that is not durable runs. */
  readonly redisUrl: string;
  /** As Debian configures it: a commit waits for the disk. */
  readonly postgresUrl: string;
};

/** Throws, with what the script says, when a server can't be had here. */
export function startPeerServers(): PeerServers {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-peers-'));
  // PostgreSQL runs as an account of its own.
  chmodSync(directory, 0o755);
  const call = (...args: string[]): string => {
    const {status, stdout, stderr} = spawnSync(servers, [...args, '--dir', directory], {encoding: 'utf8'});
    if (status !== 0) throw new Error(`tools/servers.sh ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const started = call('start', 'redis', 'postgres');
  const urlOf = (name: string): string => new RegExp(`^${name}_URL=(.*)$`, 'm').exec(started)?.[1] ?? '';
  return {
    redisUrl: urlOf('REDIS'),
    postgresUrl: urlOf('POSTGRES'),
    [Symbol.dispose]() {
      call('stop', 'redis', 'postgres', '--remove');
      rmSync(directory, {recursive: true, force: true});
    },
  };
}
