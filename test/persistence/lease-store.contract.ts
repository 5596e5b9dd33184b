/** What every `LeaseStore` must do. `expire` makes a lease look as if nobody had renewed it for long enough. */
import test, {type ExecutionContext} from 'ava';
import {endedListedMs, type Lease, type LeaseStore} from '../../actors/domain/lease.ts';

export type OpenLeases = (t: ExecutionContext) => Promise<{
  readonly leases: LeaseStore;
  readonly expire: (name: string) => Promise<void> | void;
}>;

const name = 'node:host:9001';

const look = async (leases: LeaseStore): Promise<Lease | undefined> =>
  (await leases.list(name)).find(lease => lease.name === name);

export function leaseStoreContract(title: string, open: OpenLeases, isSerial = false): void {
  const register = isSerial ? test.serial : test;
  const it = (
    what: string,
    run: (t: ExecutionContext, world: Awaited<ReturnType<OpenLeases>>) => Promise<void>,
  ): void => register(`${title}: ${what}`, async t => run(t, await open(t)));

  it('a lease that nobody has is taken, with fence 1', async (t, {leases}) => {
    const lease = await leases.acquire(name, 'one', {roles: ['entrance'], directory: '/dätä/😀'});
    t.like(lease, {name, fence: 1, incarnation: 'one', isExpired: false});
    t.like(await leases.list('node:'), [
      {
        name,
        fence: 1,
        incarnation: 'one',
        details: {roles: ['entrance'], directory: '/dätä/😀'},
        isExpired: false,
      },
    ]);
  });

  it('a lease that is held is not given to another', async (t, {leases}) => {
    await leases.acquire(name, 'one', {});
    t.is(await leases.acquire(name, 'two', {}), undefined);
    t.is((await leases.list(name))[0]?.incarnation, 'one');
  });

  it('of many who want a lease at once one gets it', async (t, {leases}) => {
    const taken = await Promise.all(
      Array.from({length: 12}, (_, index) => leases.acquire('singleton:s', `i${index}`, {})),
    );
    t.is(taken.filter(lease => lease !== undefined).length, 1);
  });

  it('asking again after a lost answer gives the lease that was taken', async (t, {leases}) => {
    const lease = await leases.acquire(name, 'one', {});
    t.is((await leases.acquire(name, 'one', {}))?.fence, lease?.fence);
  });

  it('an expired lease is taken with the next fence, and its former holder learns it', async (t, {
    leases,
    expire,
  }) => {
    const old = await leases.acquire(name, 'one', {});
    await expire(name);
    t.true((await leases.list(name))[0]?.isExpired);
    const [next, other] = await Promise.all([
      leases.acquire(name, 'two', {}),
      leases.acquire(name, 'three', {}),
    ]);
    t.deepEqual(
      [next, other].map(lease => lease?.fence ?? 0).toSorted((a, b) => a - b),
      [0, 2],
    );
    t.false(old !== undefined && (await leases.renew(old)));
  });

  it('a renewal keeps a lease, also within the same second', async (t, {leases, expire}) => {
    const lease = await leases.acquire(name, 'one', {a: 1});
    if (lease === undefined) return t.fail('not taken');
    await expire(name);
    for (let round = 0; round < 4; round += 1) t.true(await leases.renew(lease));
    t.like((await leases.list(name))[0], {isExpired: false, fence: 1});
  });

  it('a renewal can change state and details, and one with the old state still counts', async (t, {
    leases,
  }) => {
    const lease = await leases.acquire(name, 'one', {a: 1});
    if (lease === undefined) return t.fail('not taken');
    t.true(await leases.renew(lease, {state: 'up', details: {a: 2}}));
    t.like((await leases.list(name))[0], {state: 'up', details: {a: 2}});
    t.true(await leases.renew(lease));
  });

  it('every renewal is seen: the count rises and the stamp is another', async (t, {leases}) => {
    const lease = await leases.acquire(name, 'one', {});
    if (lease === undefined) return t.fail('not taken');
    const before = await look(leases);
    t.is(before?.stamp, (await look(leases))?.stamp);
    t.true(await leases.renew(lease));
    const after = await look(leases);
    t.not(after?.stamp, before?.stamp);
    t.true(Number(after?.details['renewals']) > Number(before?.details['renewals']));
  });

  it('a lease that is not expired is declared dead only with proof, which is kept', async (t, {leases}) => {
    const lease = await leases.acquire(name, 'one', {a: 1});
    const seen = await look(leases);
    if (lease === undefined || seen === undefined) return t.fail('not taken');
    t.false(await leases.declareDead(seen));
    t.like(await look(leases), {state: 'joining', fence: 1});
    const proof = {by: 'host:9002#two', how: 'its port refuses'};
    t.true(await leases.declareDead(seen, proof));
    t.like(await look(leases), {state: 'dead', fence: 2, incarnation: 'one', details: {a: 1, proof}});
    t.false(await leases.renew(lease), 'the dead holder learns it');
    t.false(await leases.renew(lease, {state: 'gone'}));
    t.is((await leases.acquire(name, 'two', {}))?.fence, 3);
  });

  it('a renewal since the look contradicts a death, also with proof', async (t, {leases}) => {
    const lease = await leases.acquire(name, 'one', {});
    const seen = await look(leases);
    if (lease === undefined || seen === undefined) return t.fail('not taken');
    t.true(await leases.renew(lease));
    t.false(await leases.declareDead(seen, {by: 'b', how: 'h'}));
    t.true(await leases.renew(lease));
  });

  it('of many who declare an expired lease dead one does, and the fence rises once', async (t, {
    leases,
    expire,
  }) => {
    await leases.acquire(name, 'one', {});
    await expire(name);
    const seen = await look(leases);
    if (seen === undefined) return t.fail('not taken');
    const declared = await Promise.all(Array.from({length: 8}, () => leases.declareDead(seen)));
    t.is(declared.filter(isDone => isDone).length, 1);
    t.like(await look(leases), {state: 'dead', fence: 2});
    t.false(await leases.declareDead(seen, {by: 'b', how: 'h'}), 'it is dead already');
  });

  it('an expired lease whose holder renews is not dead', async (t, {leases, expire}) => {
    const lease = await leases.acquire(name, 'one', {});
    await expire(name);
    const seen = await look(leases);
    if (lease === undefined || seen === undefined) return t.fail('not taken');
    t.true(await leases.renew(lease));
    t.false(await leases.declareDead(seen));
    t.like(await look(leases), {state: 'joining', fence: 1, isExpired: false});
  });

  it('what ended long ago is not listed, and keeps its fence', async (t, {leases, expire}) => {
    const lease = await leases.acquire(name, 'one', {});
    if (lease === undefined) return t.fail('not taken');
    t.true(await leases.renew(lease, {state: 'gone'}));
    t.like(await look(leases), {state: 'gone'});
    // Each call makes the row more than 10 s older.
    for (let agedMs = 0; agedMs <= endedListedMs; agedMs += 10_000) await expire(name);
    t.is(await look(leases), undefined);
    t.is((await leases.acquire(name, 'two', {}))?.fence, 2);
  });

  it('a lease given back is free, keeps its fence, and can not be renewed', async (t, {leases}) => {
    const lease = await leases.acquire(name, 'one', {});
    if (lease === undefined) return t.fail('not taken');
    t.true(await leases.renew(lease, {state: 'gone'}));
    t.false(await leases.renew(lease));
    t.is((await leases.acquire(name, 'two', {}))?.fence, 2);
  });

  it('the same address on the same boot is taken over at once', async (t, {leases}) => {
    await leases.acquire(name, 'one', {bootId: 'boot', netNs: 'net:1'});
    t.is(await leases.acquire(name, 'two', {bootId: 'other boot', netNs: 'net:1'}), undefined);
    t.is(await leases.acquire(name, 'three', {bootId: 'boot', netNs: 'net:2'}), undefined);
    t.like(await leases.acquire(name, 'four', {bootId: 'boot', netNs: 'net:1'}), {
      fence: 2,
      incarnation: 'four',
    });
  });

  it('where the system names no boot, the same address proves nothing', async (t, {leases}) => {
    await leases.acquire(name, 'one', {bootId: '', netNs: ''});
    t.is(await leases.acquire(name, 'two', {bootId: '', netNs: ''}), undefined);
  });

  it('a singleton on the same boot is not: it has no port', async (t, {leases}) => {
    await leases.acquire('singleton:s', 'one', {bootId: 'boot'});
    t.is(await leases.acquire('singleton:s', 'two', {bootId: 'boot'}), undefined);
  });

  it('lists are by prefix, whatever signs are in it', async (t, {leases}) => {
    for (const each of ['node:a_b:1', 'node:axb:1', 'singleton:x']) await leases.acquire(each, 'one', {});
    t.deepEqual(
      (await leases.list('node:a_b')).map(lease => lease.name),
      ['node:a_b:1'],
    );
    t.is((await leases.list('')).length, 3);
  });
}
