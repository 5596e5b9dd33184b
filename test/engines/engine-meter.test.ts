/** One look at all engines: whom it finds, when it is made, and what it costs nobody. */
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {tmpdir} from 'node:os';
import test, {type ExecutionContext} from 'ava';
import {createEngineMeter, type MeteredEngine} from '../../engines/engine-meter.ts';
import {startTimeOf} from '../../engines/process-identity.ts';
import {markVariable} from '../../engines/process-sweep.ts';
import {manualClock} from '../support/manual-clock.ts';
import {eventually} from './engine-lab.ts';

/** A process that stands for an engine: it sleeps, and so does its child. */
async function processOf(
  t: ExecutionContext,
  engineId: string,
  mark: string = randomUUID(),
): Promise<MeteredEngine> {
  const child = spawn('/bin/sh', ['-c', 'sleep 300 & echo up; wait'], {
    env: {PATH: process.env['PATH'], [markVariable]: mark},
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const {pid = 0} = child;
  t.teardown(() => process.kill(-pid, 'SIGKILL'));
  await once(child.stdout, 'data');
  const startTime = (await startTimeOf(pid)) ?? 0;
  return {engineId, engineType: 'shell', pid, startTime, mark, directory: tmpdir()};
}

const meter = (clock = manualClock()) => ({clock, ...createEngineMeter({clock, intervalMs: 1000})});

test('an engine whose process was seen before anybody said what it is', async t => {
  const [one, other] = await Promise.all([processOf(t, 'a'), processOf(t, 'b')]);
  const {add, measure, clock} = meter();
  add(one);
  t.is((await measure('a'))?.processes, 2);
  clock.advance(500);
  add(other);
  t.is((await measure('b'))?.processes, 2, 'with what it had started by then');
});

test('what bears the mark of an engine belongs to it, wherever it hangs', async t => {
  const engine = await processOf(t, 'a');
  const {add, measure, family, clock} = meter();
  add(engine);
  t.is((await measure('a'))?.processes, 2);
  const stray = await processOf(t, 'stray', engine.mark);
  await processOf(t, 'other');
  clock.advance(500);
  t.is((await measure('a'))?.processes, 4);
  clock.advance(500);
  t.is((await measure('a'))?.processes, 4, 'also at the next look');
  t.true((await family('a')).some(({pid}) => pid === stray.pid));
});

test('an engine without a mark has no strangers without one', async t => {
  const engine = await processOf(t, 'a', '');
  const {add, measure} = meter();
  add(engine);
  t.is((await measure('a'))?.processes, 2);
});

test('it looks at each interval while there is an engine, and at none without', async t => {
  const engine = await processOf(t, 'a');
  const {add, remove, metrics, usage, clock} = meter();
  t.is(clock.pending, 0);
  add(engine);
  t.is(metrics('a'), undefined);
  clock.advance(1000);
  const first = await eventually('the first look', () => metrics('a'));
  await eventually('the pause after it', () => (clock.pending > 0 ? true : undefined));
  clock.advance(5000);
  await eventually('the second look', () => ((metrics('a')?.at ?? 0) > first.at ? true : undefined));
  await eventually('the pause after it', () => (clock.pending > 0 ? true : undefined));
  remove('a');
  t.is(clock.pending, 0);
  t.is(metrics('a'), undefined);
  t.is(usage().byType[0]?.processes, 0, 'what its kind has used stays known');
});

test('an engine whose process is gone is not looked at any more', async t => {
  const gone = {engineId: 'a', engineType: 'shell', pid: 1, startTime: 99, mark: 'm', directory: tmpdir()};
  const {add, measure, clock} = meter();
  add(gone);
  t.is(await measure('a'), undefined);
  clock.advance(1000);
  await eventually('nothing waits', () => (clock.pending === 0 ? true : undefined));
});
