/** Turns the configuration into what the governance actors are started with. */
import {readFileSync, readlinkSync} from 'node:fs';
import {parseEngineTypeLimits} from './actors/engine-type-limits.ts';
import type {Owner} from './actors/domain/owner.ts';
import type {NodeSettings} from './actors/governance-node.ts';
import type {Config} from './config.ts';
import {processStateOf} from './persistence/stopped-holder.ts';

/** What the configuration says of who submits. */
export type Submitters = Pick<NodeSettings['intake'], 'configuredTenant' | 'isAddressAllowed'> &
  Pick<NodeSettings['launcher'], 'propertiesOf'>;

export function governanceSettingsOf(
  {
    governance,
    submission,
    retention,
    dataDirectory,
    timeZone,
  }: Pick<Config, 'governance' | 'submission' | 'retention' | 'dataDirectory' | 'timeZone'>,
  self: Omit<Owner, 'epoch'>,
  engineTypes: readonly string[],
  {propertiesOf, ...submitters}: Submitters = {},
): NodeSettings {
  const {jobAttemptsMax, jobRetryDelayMs, submissionBytesMax, orphanIdleMs, orphanBusyMs, killGraceMs} =
    governance;
  return {
    self,
    timeZone,
    killGraceMs,
    // Engine ids are never used twice on a host: each process has its own prefix.
    engineIdPrefix: `e${self.incarnation.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 8)}`,
    groupLimits: {runningMax: governance.groupRunningMax, waitingMax: governance.groupWaitingMax},
    engineLimits: {
      enginesMax: governance.enginesMax,
      enginesPerUserMax: governance.enginesPerUserMax,
      idleMs: governance.engineIdleMs,
    },
    engineTypeMax: parseEngineTypeLimits(governance.engineTypeMax).limits,
    launcher: {
      ...(propertiesOf === undefined ? {} : {propertiesOf}),
      launchTimeoutMs: governance.engineLaunchTimeoutMs,
      shutdownGraceMs: killGraceMs,
      orphanIdleMs,
      orphanBusyMs,
      limits: {
        memoryBytesMax: governance.engineMemoryBytesMax,
        processesMax: governance.engineProcessesMax,
        diskBytesMax: governance.engineDiskBytesMax,
        openFilesMax: governance.engineOpenFilesMax,
      },
    },
    residentMax: governance.residentJobsMax,
    retention,
    idBlockSize: 1000,
    intake: {
      ...submitters,
      self,
      dataDirectory,
      timeZone,
      jobAttemptsMax,
      jobRetryDelayMs,
      submissionBytesMax,
      settings: submission,
      knownEngineTypes: engineTypes,
    },
  };
}

/** The node's labels as given at its start, `--label route=et1`; the last of a key counts. */
export const labelsOf = ({label}: Config['node']): Readonly<Record<string, string>> =>
  Object.fromEntries(
    label.map(text => {
      const at = text.indexOf('=');
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );

/**
 * Tells this boot of this host, and this network namespace, from another: only there does holding a port prove that its
 * former holder is gone (decision 30). Empty texts where the system does not say.
 */
export const placeOfProcess = (): {
  readonly bootId: string;
  readonly netNs: string;
  /** With the pid, what tells this process from any other of this boot. */
  readonly startTime: number | undefined;
} => ({
  bootId: textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  netNs: textOf(() => readlinkSync('/proc/self/ns/net')),
  startTime: processStateOf(process.pid)?.startTime,
});

function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
