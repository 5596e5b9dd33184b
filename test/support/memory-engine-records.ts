/** `EngineRecordStore` in memory: the port's rules written down a second time. */
import type {EngineLaunchRecord, EngineRecord, EngineRecordStore} from '../../actors/engine-record.ts';

const ends: readonly string[] = ['Success', 'Failed'];

export function createMemoryEngineRecords(): EngineRecordStore {
  const rows: EngineRecord[] = [];
  let lastId = 0;
  const seconds = (ms: number): number => Math.floor(ms / 1000) * 1000;
  const newest = (fits: (row: EngineRecord) => boolean): EngineRecord | undefined => rows.findLast(fits);
  const isIn = (wanted: readonly string[] | undefined, value: string): boolean =>
    wanted === undefined || wanted.includes(value);

  return {
    async append(launch) {
      if (newest(({ticketId}) => ticketId === launch.ticketId) !== undefined) return;
      lastId += 1;
      const unknown = {used: null, usedTime: null, released: null, releaseTime: null, metrics: null};
      rows.push({
        ...launch,
        ...unknown,
        id: lastId,
        status: 'Starting',
        createTime: seconds(launch.createTime),
      });
    },
    async update(ticketId, change) {
      const at = rows.findLastIndex(row => row.ticketId === ticketId);
      const row = rows[at];
      if (row === undefined) return false;
      const isLate =
        ends.includes(row.status) && change.status !== undefined && !ends.includes(change.status);
      if (isLate) return false;
      rows[at] = {...row, ...change};
      return true;
    },
    find: async ticketId => newest(row => row.ticketId === ticketId),
    findByInstance: async instance => newest(row => row.instance === instance),
    async list(filter, {number, size}) {
      const {users, engineTypes, statuses, instances, createdFromMs = 0, createdToMs = Infinity} = filter;
      const found = rows
        .filter(row => isIn(users, row.user) && isIn(engineTypes, row.engineType))
        .filter(row => isIn(statuses, row.status) && isIn(instances, row.instance))
        .filter(({createTime}) => createTime >= createdFromMs && createTime <= createdToMs)
        .toReversed();
      return {records: found.slice((number - 1) * size, number * size), total: found.length};
    },
    async remove(ticketId) {
      const at = rows.findLastIndex(row => row.ticketId === ticketId);
      if (at >= 0) rows.splice(at, 1);
      return at >= 0;
    },
    async removeEnded(startedBeforeMs, max) {
      const due = rows
        .filter(({status, createTime}) => ends.includes(status) && createTime < startedBeforeMs)
        .slice(0, max);
      for (const row of due) rows.splice(rows.indexOf(row), 1);
      return due.length;
    },
  };
}

/** A launch with something in every field. */
export const engineLaunch = (
  ticketId: string,
  more: Partial<EngineLaunchRecord> = {},
): EngineLaunchRecord => ({
  ticketId,
  user: 'alice',
  creator: 'IDE',
  engineType: 'shell',
  version: '1',
  instance: `host-02.example.com:9102_${ticketId}`,
  ecm: 'host-02.example.com:9102',
  logDirSuffix: ticketId,
  requested: {memoryBytes: 1_073_741_824, cores: 1, instances: 1},
  createTime: 1_700_000_000_000,
  ...more,
});
