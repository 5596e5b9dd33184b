/** What is to be done when an engine's process is gone: learn how it ended, and end what it left behind. */
import {removeEngineSocket} from './engine-socket-path.ts';
import type {HandleOptions} from './engine-handle-options.ts';
import {cleanExit} from './engine-launch.ts';
import {removeCgroup, sweepProcesses} from './process-sweep.ts';

/** From the death of a process to its parent's word about it. */
const exitToldMs = 2000;
/** A process that stood still for so long looks at its timers first: what has come meanwhile is read before it gives up. */
const readFirstMs = 50;

/** Resolves to how it ended, when nothing but its directory is left. */
export async function clearAfterDeath({
  record,
  childExit,
  clock,
  log,
  directory,
}: Pick<HandleOptions, 'record' | 'childExit' | 'clock' | 'log' | 'directory'>): Promise<string> {
  const {engineId, pid, mark, cgroup, socketPath} = record;
  const reason = (await toldBy(childExit, clock)) ?? `process ${pid} is gone`;
  if (reason === cleanExit) {
    await removeCgroup(cgroup);
  } else {
    const survivors = await sweepProcesses(mark, cgroup);
    if (survivors.length > 0) log.error({engineId, survivors}, 'processes could not be ended');
  }
  await removeEngineSocket(socketPath, directory.path);
  return reason;
}

/** Undefined if whoever is its parent is gone too, or never was ours. */
async function toldBy(
  childExit: Promise<string> | undefined,
  clock: HandleOptions['clock'],
): Promise<string | undefined> {
  if (childExit === undefined) return undefined;
  const {promise, resolve} = Promise.withResolvers<undefined>();
  let cancel = clock.after(exitToldMs, () => {
    cancel = clock.after(readFirstMs, () => resolve(undefined));
  });
  const reason = await Promise.race([childExit, promise]);
  cancel();
  return reason;
}
