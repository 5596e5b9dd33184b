/** Which process of this host dialled: found by the port it dials from, as `/proc` knows it. */
import {readFileSync, readdirSync, readlinkSync} from 'node:fs';

/** The one of `pids` that holds a TCP socket from 127.0.0.1:`localPort` to 127.0.0.1:`remotePort`; undefined when none does. */
export function socketOwner(
  localPort: number,
  remotePort: number,
  pids: readonly number[],
): number | undefined {
  const inode = inodeOf(localPort, remotePort);
  if (inode === undefined) return undefined;
  return pids.find(pid => descriptorsOf(pid).includes(`socket:[${inode}]`));
}

function inodeOf(localPort: number, remotePort: number): string | undefined {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, local = '', remote = '', , , , , , , inode] = line.trim().split(/\s+/);
    if (local.endsWith(`:${hex(localPort)}`) && remote.endsWith(`:${hex(remotePort)}`)) return inode;
  }
  return undefined;
}

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map(fd => linkOf(`/proc/${pid}/fd/${fd}`));
  } catch {
    // It has ended.
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
