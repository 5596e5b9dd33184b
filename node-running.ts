/** What a node is started with beside its configuration, and what it is once it runs. */
import type {Logger} from 'pino';
import type {EngineGovernance} from './actors/engine-governance.ts';
import type {Governance} from './actors/governance.ts';
import type {GovernanceNode} from './actors/governance-node.ts';
import type {JobHistoryStore} from './actors/job-history.ts';
import type {EngineDriver} from './actors/ports.ts';
import type {FirstAdministrator} from './first-administrator.ts';

export type NodeOptions = {
  readonly log: Logger;
  /** Where engines run; by default processes of this host. Of a node that stands alone only. */
  readonly engineDriver?: EngineDriver;
  /** Without a port the node is used through `governance` alone. Default true. */
  readonly listens?: boolean;
  /** The node can't go on, since its lease is lost: its process should end, and be started anew. */
  readonly onFatal: (why: string) => void;
};

export type RunningNode = {
  /** Empty when it does not listen. */
  readonly url: string;
  readonly instance: string;
  readonly incarnation: string;
  readonly governance: Governance;
  readonly engines: EngineGovernance;
  /** Its own entrance, if it has that role. */
  readonly node: GovernanceNode | undefined;
  readonly history: JobHistoryStore;
  readonly administrator: FirstAdministrator | undefined;
  readonly boot: string;
  /** Resolves, with a name, when somebody asks this node to leave; `stop` is then due. */
  readonly isAskedToLeave: Promise<string>;
  /** Takes no more jobs, ends idle engines, leaves busy ones at work, closes everything. Resolves to the ids of those left. */
  readonly stop: () => Promise<readonly string[]>;
};
