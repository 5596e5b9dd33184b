/**
 * What really happened to the rows of jobs, told by the database itself: triggers write down each change of a status or an
 * owner with its time. So a second end, a write of a former owner, and how long a take-over took are seen from outside,
 * whatever the nodes say of themselves.
 */
import {DatabaseSync} from 'node:sqlite';
import {bareOrm} from '../servers/server-fixture.ts';

export type JobChange = {
  /** Unix time of the database. */
  readonly atMs: number;
  readonly taskID: number;
  /** Null: the row was inserted. */
  readonly from: string | null;
  readonly to: string;
  /** `host:port#incarnation#epoch` */
  readonly fromOwner: string | null;
  readonly toOwner: string;
};

export type JobAudit = {
  /** In order. */
  readonly changes: () => Promise<readonly JobChange[]>;
  readonly close: () => Promise<void>;
};

const history = 'linkis_ps_job_history_group_history';
const columns =
  'at_ms as atMs, task_id as taskID, from_status as "from", to_status as "to", from_owner as fromOwner, to_owner as toOwner';
const wanted = `insert into audit_of_jobs (at_ms, task_id, from_status, to_status, from_owner, to_owner)`;

/** The tables must be there: a node has been started on this database. */
export const openJobAudit = (databaseUrl: string): Promise<JobAudit> =>
  databaseUrl.startsWith('sqlite:')
    ? Promise.resolve(auditSqlite(databaseUrl.slice('sqlite:'.length)))
    : auditServer(databaseUrl);

function auditSqlite(file: string): JobAudit {
  const database = new DatabaseSync(file, {timeout: 10_000});
  const now = `cast(unixepoch('subsec') * 1000 as integer)`;
  database.exec(`
    create table audit_of_jobs (n integer primary key, at_ms integer, task_id integer, from_status text, to_status text,
      from_owner text, to_owner text);
    create trigger audit_of_inserts after insert on ${history} begin
      ${wanted} values (${now}, new.id, null, new.status, null, new.instances);
    end;
    create trigger audit_of_updates after update on ${history}
    when new.status is not old.status or new.instances is not old.instances begin
      ${wanted} values (${now}, new.id, old.status, new.status, old.instances, new.instances);
    end;`);
  const read = database.prepare(`select ${columns} from audit_of_jobs order by n`);
  return {
    changes: () => Promise.resolve(read.all() as JobChange[]),
    close: () => Promise.resolve(database.close()),
  };
}

async function auditServer(url: string): Promise<JobAudit> {
  const orm = await bareOrm(url);
  const connection = orm.driver.getConnection();
  // Not now(): that is when the statement began, before it waited for anybody.
  const now = 'cast(unix_timestamp(sysdate(3)) * 1000 as unsigned)';
  const statements = [
    `create table audit_of_jobs (n bigint primary key auto_increment, at_ms bigint, task_id bigint, from_status varchar(50),
       to_status varchar(50), from_owner varchar(250), to_owner varchar(250))`,
    `create trigger audit_of_inserts after insert on ${history} for each row
       ${wanted} values (${now}, new.id, null, new.status, null, new.instances)`,
    `create trigger audit_of_updates after update on ${history} for each row
       ${wanted} select ${now}, new.id, old.status, new.status, old.instances, new.instances from dual
       where not (new.status <=> old.status) or not (new.instances <=> old.instances)`,
  ];
  for (const statement of statements) await connection.execute(statement);
  return {
    async changes() {
      const rows = await connection.execute<JobChange[]>(
        `select ${columns.replaceAll('"', '`')} from audit_of_jobs order by n`,
      );
      return rows.map(row => ({...row, atMs: Number(row.atMs), taskID: Number(row.taskID)}));
    },
    close: () => orm.close(true),
  };
}

const ends = ['Succeed', 'Failed', 'Cancelled', 'Timeout'];

/** Jobs whose row got a terminal status more than once, or another one after it. */
export function doubleEnds(changes: readonly JobChange[]): number[] {
  const counted = new Map<number, number>();
  for (const {taskID, from, to} of changes) {
    const isEnd = ends.includes(to) && from !== to;
    const isUndone = from !== null && ends.includes(from) && from !== to;
    if (isEnd || isUndone) counted.set(taskID, (counted.get(taskID) ?? 0) + 1);
  }
  return [...counted].filter(([, count]) => count > 1).map(([taskID]) => taskID);
}

/** For each job that was taken from `instance`: how long after `sinceMs` (Unix time) somebody else owned it. */
export const takeOversMs = (
  changes: readonly JobChange[],
  instance: string,
  sinceMs: number,
): readonly number[] =>
  changes
    .filter(({fromOwner, toOwner}) => fromOwner !== null && lifeOf(fromOwner) !== lifeOf(toOwner))
    .filter(({fromOwner, atMs}) => fromOwner?.startsWith(`${instance}#`) === true && atMs >= sinceMs)
    .map(({atMs}) => atMs - sinceMs);

const lifeOf = (owner: string): string => owner.split('#', 2).join('#');
