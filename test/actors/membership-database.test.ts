/** The membership on a real database and the real clock: what the manual clock can't show. */
import test from 'ava';
import {startMembership, type Membership} from '../../actors/membership.ts';
import {systemClock, type Clock} from '../../actors/runtime/clock.ts';
import {systemRandom} from '../../actors/runtime/random.ts';
import {runSingleton} from '../../actors/singleton.ts';
import {freshDatabaseAt} from '../persistence/database-fixture.ts';

/** Its process was killed: no timer of it runs any more. */
const stoppable = (): {readonly clock: Clock; readonly stop: () => void} => {
  let isStopped = false;
  return {
    clock: {
      ...systemClock,
      after: (delayMs, action) => systemClock.after(delayMs, () => void (isStopped || action())),
    },
    stop() {
      isStopped = true;
    },
  };
};

test('a killed process is declared dead within 5 s, and its singleton runs elsewhere', async t => {
  const {database} = await freshDatabaseAt(t);
  const log = {info() {}, warn() {}, error() {}};
  const started: string[] = [];
  const join = async (instance: string, incarnation: string, clock: Clock): Promise<Membership> => {
    const shared = {leases: database.leases, clock, random: systemRandom, log, self: {instance, incarnation}};
    const membership = await startMembership({
      ...shared,
      details: {roles: ['entrance'], bootId: 'boot', netNs: 'net:1'},
      onFenced: why => t.fail(why),
    });
    membership.setState('up');
    const singleton = runSingleton({
      ...shared,
      membership,
      name: 'sweeper',
      async start(fence) {
        started.push(`${incarnation} ${fence}`);
        return async () => undefined;
      },
    });
    t.teardown(async () => {
      await singleton.release();
      await membership.release();
    });
    return membership;
  };
  const killed = stoppable();
  await join('b:1', 'two', killed.clock);
  while (started.length === 0) await new Promise(resolve => void setTimeout(resolve, 20));
  const one = await join('a:1', 'one', systemClock);
  const died = new Promise<string>(resolve => {
    one.onChange(event => {
      if (event.type === 'dead') resolve(event.member.incarnation);
    });
  });
  killed.stop();
  const killedMs = systemClock.monotonicMs();
  one.linkEvent({type: 'refused', instance: 'b:1', incarnation: 'two'});
  t.is(await died, 'two');
  const detectedMs = systemClock.monotonicMs() - killedMs;
  t.log(`dead after ${Math.round(detectedMs)} ms`);
  t.true(detectedMs > 2500 && detectedMs < 5000);
  t.false(one.isAlive({instance: 'b:1', incarnation: 'two'}));
  while (started.length === 1) await new Promise(resolve => void setTimeout(resolve, 20));
  t.deepEqual(started, ['two 1', 'one 3']);
});
