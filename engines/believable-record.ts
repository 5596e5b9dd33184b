/**
 * What an engine's directory says is believed as far as its account could do it anyway. A job may have rewritten
 * `engine.json`, and by it processes are signalled, groups of them killed.
 */
import {lstat, readFile} from 'node:fs/promises';
import type {EngineRecord} from './engine-directory.ts';

/** The record as it is, or as that of an engine whose process is gone. `path`: the engine's directory. */
export async function believableRecord(record: EngineRecord, path: string): Promise<EngineRecord> {
  const {uid} = await lstat(path);
  if (uid === process.getuid?.() || (await uidOf(record.pid)) === uid) return record;
  // No process has a start time below 0.
  return {...record, startTime: -1};
}

/** Not by the owner of /proc/PID: that is root's for a process that has changed its account. */
async function uidOf(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  const found = /^Uid:\s+(\d+)\s+\1\s+\1\s+\1$/m.exec(status);
  return found === null ? undefined : Number(found[1]);
}
