/** Two gateways on one real database: what one changes, the other does within a second. */
import test from 'ava';
import {createRouting, registerInstance} from '../../actors/instance-label-service.ts';
import {startRouter, type Router} from '../../actors/router-actor.ts';
import type {MemberView} from '../../actors/route-snapshot.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {systemRandom} from '../../actors/runtime/random.ts';
import {startActorSystem} from '../../actors/runtime/system.ts';
import {entranceService} from '../../actors/domain/exec-id.ts';
import {freshDatabaseAt, openFixture} from './database-fixture.ts';

const service = entranceService;

const reaches = (router: Router, routeLabel?: string): string => {
  try {
    return router.resolve({service, routeLabel}).instance;
  } catch (error) {
    return (error as Error).name;
  }
};

test('a change of labels made on one node is in force on the other within a second', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const other = await openFixture(t, {dataDirectory: directory});
  const members: MemberView[] = ['a:1', 'b:1'].map(instance => ({
    instance,
    incarnation: 'first',
    roles: ['gateway', 'entrance'],
    state: 'up',
    isReachable: true,
  }));
  await registerInstance(database.labels, 'a:1', ['gateway', 'entrance'], {});
  await registerInstance(other.labels, 'b:1', ['gateway', 'entrance'], {route: 'et1'});
  const log = {debug() {}, info() {}, warn() {}, error: (...line: unknown[]) => t.log(...line)};
  const [here, there] = [database.labels, other.labels].map(store => {
    const system = startActorSystem({name: 'test', clock: systemClock, random: systemRandom, log});
    t.teardown(() => system.shutdown(1000));
    const router = startRouter({system, store, random: systemRandom});
    router.setMembers(members);
    return router;
  });
  if (here === undefined || there === undefined) return t.fail();
  await Promise.all([here.refresh(), there.refresh()]);
  t.deepEqual([reaches(there), reaches(there, 'et1')], ['a:1', 'b:1']);

  const routing = createRouting({self: () => 'a:1', router: here, store: database.labels});
  const tookMs: number[] = [];
  for (const change of [
    () => routing.setLabels('b:1', {route: 'et2'}),
    () => routing.markOffline('b:1'),
    () => routing.backOnline('b:1'),
  ]) {
    // oxlint-disable-next-line no-await-in-loop
    await change();
    const startedMs = systemClock.monotonicMs();
    const snapshot = here.current();
    while (JSON.stringify(there.current().members) !== JSON.stringify(snapshot.members)) {
      if (systemClock.monotonicMs() - startedMs > 5000) return t.fail('never came');
      // oxlint-disable-next-line no-await-in-loop
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    tookMs.push(systemClock.monotonicMs() - startedMs);
  }
  t.log(`in force after ${tookMs.map(Math.round).join(', ')} ms`);
  // The middle one: a machine that others use may hold back any single one.
  t.true((tookMs.toSorted((a, b) => a - b)[1] ?? Infinity) < 1000, tookMs.join(', '));
  t.deepEqual(
    [reaches(there), reaches(there, 'et1'), reaches(there, 'et2')],
    ['a:1', 'RouteNotFoundError', 'b:1'],
  );
});
