/** Why an ECM starts no engine though it could, and what else it can't answer. Codes 20980 to 20984, and Linkis' 11110. */
import type {NodeHealth, Resources} from './engine-governance.ts';
import {LinkisError} from './domain/errors.ts';

/** The host is near its end, or an administrator has taken it out. Engines that it has go on. */
export class EcmUnfitError extends LinkisError {
  override readonly name = 'EcmUnfitError';
  readonly code = 20980;
  override readonly retryable = true;

  constructor(instance: string, health: NodeHealth, reason: string) {
    super(
      `The ECM of ${instance} starts no engine: it is ${health}, since ${reason}.` +
        ' Wait until that has passed, set its health to Healthy if somebody set it, or start another node with the role ecm.',
    );
  }
}

/** What is reserved for its engines, with this one, would be more than the host gives. */
export class EcmOverCommittedError extends LinkisError {
  override readonly name = 'EcmOverCommittedError';
  readonly code = 20981;
  override readonly retryable = true;

  constructor(instance: string, wanted: Resources, reserved: Resources, capacity: Resources) {
    super(
      `The ECM of ${instance} has no room for ${printed(wanted)}: it gives ${printed(capacity)}, and` +
        ` ${printed(reserved)} are reserved. Wait until an engine ends, or raise ecm.memoryBytesMax or ecm.coresMax there.`,
    );
  }
}

/** A later manager is in charge: whoever sent this is no manager any more. */
export class StaleManagerError extends LinkisError {
  override readonly name = 'StaleManagerError';
  readonly code = 20982;

  constructor(instance: string, fence: number, highest: number) {
    super(
      `The ECM of ${instance} obeys the manager with fence ${highest}; fence ${fence} is out of date. Ask that manager.`,
    );
  }
}

/** No figures: it was started a moment ago, or it is no process of that host. */
export class NotMeasuredError extends LinkisError {
  override readonly name = 'NotMeasuredError';
  readonly code = 20983;
  override readonly retryable = true;

  constructor(engineId: string, instance: string) {
    super(`The ECM of ${instance} has no figures of engine ${engineId} yet. Ask again in a moment.`);
  }
}

/** The engine's log can't be shown: it is gone, too long, or not a file of the engine. */
export class EngineLogError extends LinkisError {
  override readonly name = 'EngineLogError';
  readonly code = 11110;

  constructor(engineId: string, why: string) {
    super(
      `The log of engine ${engineId} can't be shown: ${why}. What its jobs printed is in their own logs.`,
    );
  }
}

const printed = ({memoryBytes, cores}: Resources): string =>
  `${(memoryBytes / 1048576).toFixed(0)} MiB and ${cores} cores`;

/** With one of these another ECM, or a later moment, may do. */
export const refusalCodes = {unfit: 20980, overCommitted: 20981, staleManager: 20982} as const;
