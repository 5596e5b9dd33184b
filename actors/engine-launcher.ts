/**
 * The ECM-node actor: parent of this host's engine actors. It starts one for each engine the pool wants, and one for
 * each that an earlier process left behind. The pool decides how many; this actor owns their lifecycles.
 */
import {engineConn, type EngineCommand, type EngineMessage} from './engine-conn.ts';
import type {Resources} from './engine-governance.ts';
import type {EngineKey} from './engine-key.ts';
import type {EnginePoolReport} from './engine-pool-protocol.ts';
import type {EngineDriver, EngineHandle, EngineLimits} from './ports.ts';
import type {ActorFailure, Machine} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

export type LauncherMessage =
  | {
      type: 'launch';
      engineId: string;
      key: EngineKey;
      /** `host:port` of the ECM; empty: where the driver likes. */
      ecm: string;
      reserved: Resources;
      /** Of the manager that granted it. */
      fence: number;
      pool: Ref<EnginePoolReport>;
    }
  | {
      type: 'adopt';
      handle: EngineHandle;
      pool: Ref<EnginePoolReport>;
      adopted: (ref: Ref<EngineCommand>) => void;
    };

type LauncherState = {readonly started: number};

export type LauncherSettings = {
  /** What the configuration says to an engine of this key; by default nothing. */
  readonly propertiesOf?: (key: EngineKey) => Readonly<Record<string, string>>;
  readonly launchTimeoutMs: number;
  readonly shutdownGraceMs: number;
  readonly limits: EngineLimits;
  readonly orphanIdleMs: number;
  readonly orphanBusyMs: number;
};

export type LauncherDependencies = {
  readonly driver: EngineDriver;
  readonly settings: LauncherSettings;
  readonly onCrash: (failure: ActorFailure) => void;
};

export function engineLauncher({
  driver,
  settings,
  onCrash,
}: LauncherDependencies): Machine<LauncherState, LauncherMessage, LauncherMessage> {
  const {launchTimeoutMs, shutdownGraceMs, limits, orphanIdleMs, orphanBusyMs} = settings;
  return {
    initial: {started: 0},
    decide: ({started}, message) => ({state: {started: started + 1}, effects: [message]}),
    perform(message, {spawn}) {
      const {pool} = message;
      const engineId = message.type === 'launch' ? message.engineId : message.handle.engineId;
      const launch = (): Promise<EngineHandle> =>
        message.type === 'adopt'
          ? Promise.resolve(message.handle)
          : driver.launch(
              {
                engineId,
                engineType: message.key.engineType,
                user: message.key.user,
                creator: message.key.creator,
                tenant: message.key.tenant,
                reserved: message.reserved,
                ...(message.ecm === '' ? {} : {ecm: message.ecm, fence: message.fence}),
                properties: settings.propertiesOf?.(message.key) ?? {},
                limits,
                orphanIdleMs,
                orphanBusyMs,
              },
              launchTimeoutMs,
            );
      const ref = spawn(engineId, engineConn({engineId, pool, launch, shutdownGraceMs}), {
        // Killing, stopping and exits must get through while output floods in.
        // Not killTask: it must not overtake the execute of the task that it is to end.
        isControl: (sent: EngineMessage) => sent.type === 'shutdown',
        onFailure(failure) {
          onCrash(failure);
          pool.tell({type: 'engineExited', engineId});
        },
      });
      if (message.type === 'launch') {
        ref.tell({type: 'begin'});
        return;
      }
      ref.tell({type: 'adopted', handle: message.handle});
      message.adopted(ref);
    },
  };
}
