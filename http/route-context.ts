/** What every route module gets. One object, made once by `facade.ts`. */
import type {IncomingMessage, Server, ServerResponse} from 'node:http';
import type {TypeBoxTypeProvider} from '@fastify/type-provider-typebox';
import type {FastifyBaseLogger, FastifyInstance} from 'fastify';
import type {Logger} from 'pino';
import type {AuditStore} from '../actors/audit.ts';
import type {ConfigurationService} from '../actors/configuration-service.ts';
import type {EngineGovernance} from '../actors/engine-governance.ts';
import type {EngineRecordStore} from '../actors/engine-record.ts';
import type {Governance} from '../actors/governance.ts';
import type {Routing} from '../actors/instance-label-service.ts';
import type {JobHistoryStore, RowsExport} from '../actors/job-history.ts';
import type {JobStore} from '../actors/ports.ts';
import type {AccountStore} from '../actors/account-port.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import type {ClusterView} from '../actors/cluster-view.ts';
import type {Audit} from './audit.ts';
import type {Authentication} from './authentication.ts';
import type {ClientAddress} from './client-address.ts';
import type {JobAccess} from './job-access.ts';
import type {Address} from './linkis-text.ts';
import type {Metric} from './metrics.ts';
import type {HttpSettings} from './settings.ts';

/** The Fastify instance that routes are registered on; schemas written with TypeBox give handlers their types. */
export type FacadeApp = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What the facade needs from outside; `main.ts` hands it over. */
export type FacadeDependencies = {
  readonly governance: Governance;
  readonly jobs: JobStore;
  /** Without it there are no statistics, and details are those of the row. */
  readonly history?: JobHistoryStore;
  /** How a list becomes a workbook. Without it lists are not downloaded. */
  readonly exportRows?: RowsExport;
  readonly accounts: AccountStore;
  readonly clock: Clock;
  /** Unguessable bytes: they become session tickets. */
  readonly randomBytes: (size: number) => Uint8Array;
  /**
   * Whether `password` belongs to the hash, which is scrypt text of `User.passwordHash`. Without a hash (no such user)
   * it takes as long and answers false.
   */
  readonly verifyPassword: (password: string, passwordHash: string | undefined) => Promise<boolean>;
  readonly log: Logger;
  /** This node as error bodies name it, and as `gateway/heartbeat` lists it. */
  readonly instance: Address;
  /** `shell`, `python`, …: answered by `configuration/engineType`. */
  readonly engineTypes: readonly string[];
  /** Members, their labels and routes. Without it this gateway neither shows nor changes labels. */
  readonly routing?: Routing;
  /** The nodes, for administrators. */
  readonly cluster?: ClusterView;
  /** Engines, their hosts, and resources in use. Without it none of Linkis' manager calls is offered. */
  readonly engines?: EngineGovernance;
  /** Keys, values and quotas. Without it only the engine types are told. */
  readonly configuration?: ConfigurationService;
  /** The history of engines. */
  readonly engineRecords?: EngineRecordStore;
  /** Where changes are noted; one for all parts of a node. By default in the log only. */
  readonly audit?: Audit;
  /** What was noted, for administrators. */
  readonly auditStore?: Pick<AuditStore, 'list'>;
  /** Metrics of the other floors, shown on /metrics beside the facade's own. */
  readonly metrics: readonly Metric[];
};

export type RouteContext = FacadeDependencies & {
  readonly settings: HttpSettings;
  readonly authentication: Authentication;
  readonly addresses: ClientAddress;
  readonly access: JobAccess;
  readonly audit: Audit;
  /** Aborted when the facade begins to close: held answers end then. */
  readonly closing: AbortSignal;
};

export type RouteModule = (app: FacadeApp, context: RouteContext) => void;
