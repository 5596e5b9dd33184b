/**
 * The built program against the limits that `bench/start.ts` measures: the same figures, the best of a few starts, so that
 * a busy machine is no failure but a slow program is.
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {measureStart, startLimits, type StartFigures} from '../../bench/start.ts';

const attemptsMax = 5;

test('a node listens in time, ends its first job in time, and is small when idle', async t => {
  t.timeout(180_000);
  const scratch = mkdtempSync(join(tmpdir(), 'tenon-start-'));
  t.teardown(() => rmSync(scratch, {recursive: true, force: true}));
  const places = [join(scratch, 'data'), join(scratch, 'cache')] as const;

  const first = await measureStart(...places, 0);
  t.true(
    first.listeningMs < startLimits.firstListeningMs,
    `the first start took ${first.listeningMs.toFixed(0)} ms, at most ${startLimits.firstListeningMs} are allowed`,
  );

  let best: StartFigures = {listeningMs: Infinity, firstJobMs: Infinity, idleBytes: Infinity};
  for (let attempt = 0; attempt < attemptsMax && !isWithinLimits(best); attempt += 1) {
    const {listeningMs, firstJobMs, idleBytes} = await measureStart(...places, 2000);
    best = {
      listeningMs: Math.min(best.listeningMs, listeningMs),
      firstJobMs: Math.min(best.firstJobMs, firstJobMs),
      idleBytes: Math.min(best.idleBytes, idleBytes),
    };
  }
  t.log(best);
  t.true(isWithinLimits(best), `${JSON.stringify(best)} against ${JSON.stringify(startLimits)}`);
});

const isWithinLimits = ({listeningMs, firstJobMs, idleBytes}: StartFigures): boolean =>
  listeningMs < startLimits.listeningMs &&
  firstJobMs < startLimits.firstJobMs &&
  idleBytes < startLimits.idleBytes;
