/**
 * Changes in a directory that belongs to another account are made as that account: whatever a process of its does meanwhile
 * (a link in place of a folder), nothing is touched that it could not touch itself.
 */
import {execFile} from 'node:child_process';
import {lstat, rename, rm, rmdir, writeFile} from 'node:fs/promises';
import {promisify} from 'node:util';

const run = promisify(execFile);

type Owner = {readonly uid: number; readonly gid: number};

/** Undefined if it is our own, or there is nothing. */
async function otherOwner(path: string): Promise<Owner | undefined> {
  const found = await lstat(path).catch(() => undefined);
  return found === undefined || found.uid === process.getuid?.()
    ? undefined
    : {uid: found.uid, gid: found.gid};
}

/** The directory of an engine, or below it; also of one that is not there. */
export async function removeEngineFiles(path: string): Promise<void> {
  const owner = await otherOwner(path);
  if (owner === undefined) {
    await rm(path, {recursive: true, force: true, maxRetries: 3});
    return;
  }
  // A job may have closed its own folders.
  await runAs(owner, 'chmod -R u+rwX -- "$1" 2>/dev/null; rm -rf -- "$1" 2>/dev/null; true', path);
  // The engine's own directory is an entry of ours.
  await rmdir(path).catch(() => undefined);
}

/** Whole or not at all. `directory` is there. */
export async function storeText(directory: string, path: string, text: string): Promise<void> {
  const owner = await otherOwner(directory);
  if (owner === undefined) {
    await writeFile(`${path}.new`, text, {mode: 0o600});
    await rename(`${path}.new`, path);
    return;
  }
  await runAs(owner, 'umask 077; printf %s "$2" >"$1.new" && mv -f -- "$1.new" "$1"', path, text);
}

async function runAs(owner: Owner, script: string, ...args: readonly string[]): Promise<void> {
  await run('/bin/sh', ['-c', script, 'sh', ...args], {
    ...owner,
    cwd: '/',
    env: {PATH: '/usr/local/bin:/usr/bin:/bin'},
  });
}
