/** The history of engines over SQL, on Linkis' table. */
import {engineStatuses, type EngineNodeStatus, type Resources} from '../actors/engine-governance.ts';
import {
  parseEngineLabels,
  printEngineLabels,
  type EngineRecord,
  type EngineRecordChange,
  type EngineRecordFilter,
  type EngineRecordStore,
} from '../actors/engine-record.ts';
import {cutToBytes, fitting} from './column-limits.ts';
import {integerOf, optionalText, textOf, timeOf} from './sql-row.ts';
import {placeholders, type SqlRow, type SqlSession, type SqlValue} from './sql-session.ts';

const table = 'linkis_cg_ec_resource_info_record';
const columns = `id, label_value, create_user, service_instance, ecm_instance, ticket_id, status, log_dir_suffix,
  request_resource, used_resource, metrics, released_resource, release_time, used_time, create_time`;
const pageSizeMax = 1_000;
const totalMax = 10_000;
const metricsBytesMax = 65_535;
const ends: readonly EngineNodeStatus[] = ['Success', 'Failed'];

export function engineRecordStore(session: SqlSession): EngineRecordStore {
  const {words} = session;

  async function newest(condition: string, value: string): Promise<EngineRecord | undefined> {
    const [row] = await session.all(
      `select ${columns} from ${table} where ${condition} order by id desc limit 1`,
      [value],
    );
    return row === undefined ? undefined : readRecord(row);
  }

  return {
    async append(launch) {
      const {ticketId, user, instance, ecm, logDirSuffix, requested, createTime} = launch;
      await session.run(
        `${words.insertOrIgnore} into ${table} (label_value, create_user, service_instance, ecm_instance, ticket_id,
          status, log_dir_suffix, request_times, request_resource, create_time) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        [
          fitting('The labels of the engine', printEngineLabels(launch), 255),
          fitting('The user', user, 128),
          fitting('The instance of the engine', instance, 128),
          fitting('The instance of the ECM', ecm, 128),
          fitting('The id of the engine', ticketId, 100),
          'Starting',
          fitting('The log directory', logDirSuffix, 128),
          1,
          printResources(requested),
          words.time(createTime),
        ],
      );
    },

    async update(ticketId, change) {
      const {sets, values} = setsOf(change, words.time);
      if (sets.length === 0) return (await newest('ticket_id = ?', ticketId)) !== undefined;
      const isEnd = change.status === undefined || ends.includes(change.status);
      const guard = isEnd ? '' : ` and status not in (${placeholders(ends.length)})`;
      const {changes} = await session.run(
        `update ${table} set ${sets.join(', ')} where ticket_id = ?${guard}`,
        [...values, ticketId, ...(isEnd ? [] : ends)],
      );
      return changes > 0;
    },

    find: ticketId => newest('ticket_id = ?', ticketId),
    findByInstance: instance => newest('service_instance = ?', instance),

    async list(filter, {number, size}) {
      const {sql, values} = conditionsOf(filter, words.time);
      const limit = Math.min(Math.max(1, size), pageSizeMax);
      const rows = await session.all(
        `select ${columns} from ${table} where ${sql} order by id desc limit ? offset ?`,
        [...values, limit, (Math.max(1, number) - 1) * limit],
      );
      const [counted = {}] = await session.all(
        `select count(*) as total from (select 1 from ${table} where ${sql} limit ${totalMax}) capped`,
        values,
      );
      return {records: rows.map(readRecord), total: integerOf(counted, 'total')};
    },

    removeEnded: (startedBeforeMs, max) =>
      session.transaction(async inside => {
        const rows = await inside.all(
          `select id from ${table} where create_time < ? and status in (${placeholders(ends.length)})
           order by id limit ?`,
          [words.time(startedBeforeMs), ...ends, Math.min(Math.max(1, max), pageSizeMax)],
        );
        const ids = rows.map(row => integerOf(row, 'id'));
        if (ids.length === 0) return 0;
        await inside.run(`delete from ${table} where id in (${placeholders(ids.length)})`, ids);
        return ids.length;
      }),

    remove: async ticketId =>
      (await session.run(`delete from ${table} where ticket_id = ?`, [ticketId])).changes > 0,
  };
}

function setsOf(
  {status, instance, ecm, used, usedTime, released, releaseTime, metrics}: EngineRecordChange,
  time: (ms: number) => SqlValue,
): {readonly sets: readonly string[]; readonly values: readonly SqlValue[]} {
  const sets: string[] = [];
  const values: SqlValue[] = [];
  const set = (sql: string, value: SqlValue): void => {
    sets.push(sql);
    values.push(value);
  };
  if (status !== undefined) set('status = ?', status);
  if (instance !== undefined)
    set('service_instance = ?', fitting('The instance of the engine', instance, 128));
  if (ecm !== undefined) set('ecm_instance = ?', fitting('The instance of the ECM', ecm, 128));
  if (used !== undefined) set('used_times = 1, used_resource = ?', printResources(used));
  if (usedTime !== undefined) set('used_time = ?', time(usedTime));
  if (released !== undefined) set('release_times = 1, released_resource = ?', printResources(released));
  if (releaseTime !== undefined) set('release_time = ?', time(releaseTime));
  if (metrics !== undefined) set('metrics = ?', cutToBytes(metrics, metricsBytesMax));
  return {sets, values};
}

function conditionsOf(
  filter: EngineRecordFilter,
  time: (ms: number) => SqlValue,
): {readonly sql: string; readonly values: readonly SqlValue[]} {
  const parts: string[] = [];
  const values: SqlValue[] = [];
  const oneOf = (column: string, wanted: readonly string[] | undefined): void => {
    if (wanted === undefined) return;
    parts.push(wanted.length === 0 ? '1 = 0' : `${column} in (${placeholders(wanted.length)})`);
    values.push(...wanted);
  };
  oneOf('create_user', filter.users);
  oneOf('status', filter.statuses);
  oneOf('service_instance', filter.instances);
  if (filter.engineTypes !== undefined) {
    // The type stands between the comma and the dash.
    const starts = filter.engineTypes.map(() => `substr(label_value, instr(label_value, ',') + 1, ?) = ?`);
    parts.push(starts.length === 0 ? '1 = 0' : `(${starts.join(' or ')})`);
    for (const type of filter.engineTypes) values.push(type.length + 1, `${type}-`);
  }
  const addTime = (sql: string, ms: number | undefined): void => {
    if (ms === undefined) return;
    parts.push(sql);
    values.push(time(ms));
  };
  addTime('create_time >= ?', filter.createdFromMs);
  addTime('create_time <= ?', filter.createdToMs);
  return {sql: parts.length === 0 ? '1 = 1' : parts.join(' and '), values};
}

/** Linkis' spelling of a load: `instance`, not `instances`. */
const printResources = ({cores, memoryBytes, instances}: Resources): string =>
  JSON.stringify({cores, instance: instances, memory: memoryBytes});

/** Null for what is no such text, also one that Linkis wrote in a form we do not know. */
function readResources(row: SqlRow, column: string): Resources | null {
  const text = optionalText(row, column);
  if (text === null || text === '') return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const figures = new Map<string, unknown>(Object.entries(value));
    const of = (...keys: readonly string[]): number => {
      const found = keys.map(key => figures.get(key)).find(figure => figure !== undefined);
      const number = Number(found ?? 0);
      return Number.isFinite(number) ? number : 0;
    };
    return {cores: of('cores', 'core'), memoryBytes: of('memory'), instances: of('instance', 'instances')};
  } catch {
    return null;
  }
}

function readRecord(row: SqlRow): EngineRecord {
  const user = textOf(row, 'create_user');
  return {
    id: integerOf(row, 'id'),
    ticketId: textOf(row, 'ticket_id'),
    user,
    ...parseEngineLabels(textOf(row, 'label_value'), user),
    instance: textOf(row, 'service_instance'),
    ecm: textOf(row, 'ecm_instance'),
    status: readStatus(textOf(row, 'status')),
    logDirSuffix: textOf(row, 'log_dir_suffix'),
    requested: readResources(row, 'request_resource'),
    used: readResources(row, 'used_resource'),
    usedTime: row['used_time'] === null ? null : timeOf(row, 'used_time'),
    released: readResources(row, 'released_resource'),
    releaseTime: row['release_time'] === null ? null : timeOf(row, 'release_time'),
    metrics: optionalText(row, 'metrics'),
    createTime: timeOf(row, 'create_time'),
  };
}

/** Rows of Linkis have had other words, too, such as those of its own versions; they count as ended. */
const readStatus = (text: string): EngineNodeStatus =>
  engineStatuses.find(status => status === text) ?? 'Failed';
