/** What every `EngineRecordStore` must do. */
import test, {type ExecutionContext} from 'ava';
import type {EngineRecordFilter, EngineRecordStore} from '../../actors/engine-record.ts';
import {engineLaunch} from '../support/memory-engine-records.ts';

export type OpenEngineRecords = (t: ExecutionContext) => Promise<EngineRecordStore>;

const begin = 1_700_000_000_000;
const minute = 60_000;
const load = (memoryBytes: number) => ({memoryBytes, cores: 1, instances: 1});

export function engineRecordContract(title: string, open: OpenEngineRecords, isSerial = false): void {
  const register = isSerial ? test.serial : test;
  const it = (what: string, run: (t: ExecutionContext, records: EngineRecordStore) => Promise<void>): void =>
    register(`${title}: ${what}`, async t => run(t, await open(t)));

  it('an engine is there from its launch to its end', async (t, records) => {
    const launch = engineLaunch('e1-1', {engineType: 'python', version: 'python3', creator: 'my-app'});
    await records.append(launch);
    const asked = {
      ...launch,
      status: 'Starting',
      used: null,
      usedTime: null,
      released: null,
      releaseTime: null,
    };
    t.like(await records.find('e1-1'), {...asked, metrics: null});
    t.true(await records.update('e1-1', {status: 'Unlock', used: load(5), usedTime: begin + minute}));
    t.true(
      await records.update('e1-1', {
        status: 'Success',
        released: load(5),
        releaseTime: begin + 2 * minute,
        metrics: '{"cpuMs":12}',
      }),
    );
    t.like(await records.findByInstance(launch.instance), {
      ...launch,
      status: 'Success',
      used: load(5),
      usedTime: begin + minute,
      released: load(5),
      releaseTime: begin + 2 * minute,
      metrics: '{"cpuMs":12}',
    });
  });

  it('a repeated launch changes nothing, and an engine that is not known can not change', async (t, records) => {
    await records.append(engineLaunch('e1-1'));
    await records.update('e1-1', {status: 'Busy'});
    await records.append(engineLaunch('e1-1'));
    t.is((await records.find('e1-1'))?.status, 'Busy');
    t.is((await records.list({}, {number: 1, size: 5})).total, 1);
    t.false(await records.update('e1-2', {status: 'Busy'}));
    t.is(await records.find('e1-2'), undefined);
    t.is(await records.findByInstance('nowhere:1'), undefined);
  });

  it('an engine that has ended stays ended', async (t, records) => {
    await records.append(engineLaunch('e1-1'));
    t.true(await records.update('e1-1', {status: 'Failed'}));
    t.false(await records.update('e1-1', {status: 'Unlock'}));
    t.true(await records.update('e1-1', {releaseTime: begin + minute}));
    t.like(await records.find('e1-1'), {status: 'Failed', releaseTime: begin + minute});
  });

  it('the list filters, newest first', async (t, records) => {
    const launches = [
      engineLaunch('a', {engineType: 'shell'}),
      engineLaunch('b', {engineType: 'python', version: 'python3', createTime: begin + minute}),
      engineLaunch('c', {user: 'bob', createTime: begin + 2 * minute}),
      engineLaunch('d', {user: 'bob', engineType: 'shellfish', createTime: begin + 3 * minute}),
    ];
    for (const launch of launches) {
      // oxlint-disable-next-line no-await-in-loop
      await records.append(launch);
    }
    await records.update('c', {status: 'Success'});
    const tickets = async (filter: EngineRecordFilter, number = 1, size = 10): Promise<string[]> =>
      (await records.list(filter, {number, size})).records.map(({ticketId}) => ticketId);
    t.deepEqual(await tickets({}), ['d', 'c', 'b', 'a']);
    t.deepEqual(await tickets({users: ['bob']}), ['d', 'c']);
    t.deepEqual(await tickets({engineTypes: ['shell']}), ['c', 'a']);
    t.deepEqual(await tickets({engineTypes: ['python', 'shellfish']}), ['d', 'b']);
    t.deepEqual(await tickets({statuses: ['Success']}), ['c']);
    t.deepEqual(await tickets({instances: [launches[1]?.instance ?? '']}), ['b']);
    t.deepEqual(await tickets({createdFromMs: begin + minute, createdToMs: begin + 2 * minute}), ['c', 'b']);
    t.deepEqual(await tickets({users: []}), []);
    t.deepEqual(await tickets({}, 2, 3), ['a']);
    t.is((await records.list({users: ['bob']}, {number: 1, size: 1})).total, 2);
  });

  it('old records of ended engines are removed, the oldest first, never those of live ones', async (t, records) => {
    for (const [n, ticketId] of ['a', 'b', 'c', 'd'].entries()) {
      // oxlint-disable-next-line no-await-in-loop
      await records.append(engineLaunch(ticketId, {createTime: begin + n * minute}));
      // oxlint-disable-next-line no-await-in-loop
      if (ticketId !== 'b') await records.update(ticketId, {status: 'Failed'});
    }
    t.is(await records.removeEnded(begin + 3 * minute, 1), 1);
    t.is(await records.removeEnded(begin + 3 * minute, 10), 1);
    t.is(await records.removeEnded(begin + 3 * minute, 10), 0);
    const {records: left} = await records.list({}, {number: 1, size: 9});
    t.deepEqual(
      left.map(({ticketId}) => ticketId),
      ['d', 'b'],
    );
  });

  it('a record that is removed is gone', async (t, records) => {
    await records.append(engineLaunch('a'));
    t.true(await records.remove('a'));
    t.false(await records.remove('a'));
    t.is(await records.find('a'), undefined);
  });
}
