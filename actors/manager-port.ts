/** How an entrance reaches the manager: in its own process, or wherever in the cluster it is at the moment. */
import type {QuotaSource} from './engine-governance.ts';
import type {EngineKey} from './engine-key.ts';
import type {Gate} from './gate.ts';
import {manager, type ManagerMessage, type UntimedManagerMessage} from './manager.ts';
import type {EcmReport, ManagerNotice, ResourceReport, Statement} from './manager-protocol.ts';
import type {ManagerLimits, ManagerSettings} from './manager-state.ts';
import type {Reply} from './remote-call.ts';
import type {NodeLog} from './governance-node.ts';
import type {Clock} from './runtime/clock.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

export type ManagerPort = {
  /** May be lost: it is said again. */
  readonly state: (statement: Statement, replyTo: Ref<ManagerNotice>) => void;
  /** What keeps this key from another engine; rejects with a `LinkisError` when no manager answers. */
  readonly explain: (key: EngineKey) => Promise<readonly Gate[]>;
  readonly resources: () => Promise<ResourceReport>;
};

export type LocalManagerDependencies = {
  readonly system: ActorSystem;
  readonly clock: Clock;
  readonly log: NodeLog;
  readonly settings: ManagerSettings;
  readonly quotas: QuotaSource;
  readonly engineTypeMax: ManagerLimits['engineTypeMax'];
  /** What runs here; asked every second. */
  readonly report: () => EcmReport;
};

const tickMs = 1000;
const askMs = 5000;

/** The manager of a node that stands alone: it governs what this process starts. */
export function startLocalManager(dependencies: LocalManagerDependencies): ManagerPort {
  const {system, clock, log, settings, quotas, engineTypeMax, report} = dependencies;
  const limits: ManagerLimits = {...quotas, engineTypeMax};
  const ref = system.spawn('manager', manager({settings, limits, clock, log}), {mailboxMax});
  const tell = (message: UntimedManagerMessage): boolean => ref.tell({...message, atMs: clock.monotonicMs()});
  const tick = (): void => {
    // Answers false once the system stops: then this ends too.
    if (!tell({type: 'ecm', report: report()}) || !tell({type: 'tick'})) return;
    clock.after(tickMs, tick);
  };
  tick();
  quotas.onChange(() => void tell({type: 'limits', limits}));
  return {
    state: (statement, replyTo) => void tell({type: 'state', statement, replyTo}),
    explain: async key =>
      valueOf(
        await system.ask<ManagerMessage, Reply<readonly Gate[]>>(
          ref,
          replyTo => ({type: 'explain', key, replyTo, atMs: clock.monotonicMs()}),
          askMs,
        ),
      ),
    resources: async () =>
      valueOf(
        await system.ask<ManagerMessage, Reply<ResourceReport>>(
          ref,
          replyTo => ({type: 'resources', replyTo, atMs: clock.monotonicMs()}),
          askMs,
        ),
      ),
  };
}

const mailboxMax = 65_536;

/** A local manager never fails: it has nobody to lose. */
function valueOf<Value>(reply: Reply<Value>): Value {
  if (reply.ok) return reply.value;
  throw new Error(reply.failure.message);
}
