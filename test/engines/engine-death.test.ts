import test from 'ava';
import {clearAfterDeath} from '../../engines/engine-death.ts';
import {engineDirectory} from '../../engines/engine-directory.ts';
import {cleanExit} from '../../engines/engine-launch.ts';
import {manualClock} from '../support/manual-clock.ts';

const quiet = {debug() {}, info() {}, warn() {}, error() {}};
const path = '/nowhere/tenon-engine-death';
const record = {
  engineId: 'e-1',
  engineType: 'shell',
  user: 'alice',
  creator: 'IDE',
  pid: 2 ** 22 + 1,
  startTime: 1,
  bootId: 'b',
  socketPath: `${path}/s`,
  // Of no process: there is nothing to be swept.
  mark: 'f'.repeat(32),
};

/** How an engine ended whose parent says so `afterMs` after its death, to a process that stands still meanwhile. */
async function reasonWhenToldAfter(afterMs: number): Promise<string> {
  const clock = manualClock();
  const told = Promise.withResolvers<string>();
  const reason = clearAfterDeath({
    record,
    childExit: told.promise,
    clock,
    log: quiet,
    directory: engineDirectory(path),
  });
  clock.advance(afterMs);
  told.resolve(cleanExit);
  await Promise.resolve();
  clock.advance(10_000);
  return reason;
}

test('what the parent of an engine said in time counts, though it is read after the time is over', async t => {
  t.is(await reasonWhenToldAfter(100), cleanExit);
  t.is(await reasonWhenToldAfter(2010), cleanExit);
});

test('after that the engine is just gone', async t => {
  t.is(await reasonWhenToldAfter(5000), `process ${record.pid} is gone`);
});
