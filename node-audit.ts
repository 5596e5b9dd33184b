/** The audit of a node: notes go to the log and, behind their makers' backs, into the database. */
import type {Logger} from 'pino';
import {createAuditWriter} from './actors/audit-writer.ts';
import type {Clock} from './actors/runtime/clock.ts';
import {createAudit, type Audit} from './http/audit.ts';
import {figure, type Metric} from './http/metrics.ts';
import type {Database} from './persistence/database.ts';

export type NodeAudit = {
  readonly audit: Audit;
  readonly metrics: readonly Metric[];
  /** Writes what waits. Before the database is closed; never rejects. */
  readonly close: () => Promise<void>;
};

export type NodeAuditDependencies = {
  readonly database: Pick<Database, 'audit'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly incarnation: string;
  /** `host:port` of this node, which is known only when it listens. */
  readonly instance: () => string;
  /** `http.auditSubmissions` */
  readonly submissions: boolean;
};

export function startAudit(dependencies: NodeAuditDependencies): NodeAudit {
  const {database, clock, log, incarnation, instance, submissions} = dependencies;
  const writer = createAuditWriter({
    store: database.audit,
    clock,
    node: instance,
    writerId: incarnation,
    log,
  });
  return {
    audit: createAudit(log, clock, {trail: writer, submissions}),
    metrics: [
      figure(
        'tenon_audit_waiting',
        'Entries of the audit that wait for the database.',
        'gauge',
        () => writer.counts().waiting,
      ),
      figure(
        'tenon_audit_written_total',
        'Entries of the audit written.',
        'counter',
        () => writer.counts().written,
      ),
      figure(
        'tenon_audit_lost_total',
        'Entries of the audit that only the log has, because the database was away for too long.',
        'counter',
        () => writer.counts().lost,
      ),
    ],
    close: () => writer.close(),
  };
}
