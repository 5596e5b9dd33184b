import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {systemClock} from '../../../actors/runtime/clock.ts';
import {createLogStore} from '../../../persistence/files/log-store.ts';

const program = fileURLToPath(new URL('../../support/log-writer-process.ts', import.meta.url));

test('a writer that is killed again and again leaves a log that goes on without a gap or a repeat', async t => {
  t.timeout(60_000);
  const directory = await mkdtemp(join(tmpdir(), 'tenon-crash-'));
  t.teardown(async () => rm(directory, {recursive: true, force: true}));
  const [logPath, spoolPath] = [join(directory, '7.log'), join(directory, 'spool')];
  for (let round = 0; round < 8; round++) {
    const writer = spawn(process.execPath, [program, logPath, spoolPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(writer.stdout, 'data');
    // Some time of work, another one each round; whatever it is doing then, it dies in it.
    await new Promise(resolve => setTimeout(resolve, 20 + round * 17));
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    const spool = await readFile(spoolPath);
    const reader = createLogStore({clock: systemClock});
    const {lines, bytes, spoolOffset} = await reader.position(logPath);
    t.is(bytes, spoolOffset);
    const log = (await readFile(logPath)).subarray(0, bytes);
    t.true(log.equals(spool.subarray(0, bytes)), `round ${round}`);
    t.is(log.toString().split('\n').length - 1, lines);
    await reader.close();
  }
  const logs = createLogStore({clock: systemClock});
  const writer = await logs.open(logPath, 'spool');
  const spool = await readFile(spoolPath);
  const whole = spool.subarray(0, spool.lastIndexOf('\n') + 1);
  await writer.append(whole.subarray(writer.position().spoolOffset), whole.length);
  await writer.close();
  const {lines} = await logs.position(logPath);
  t.is(lines, whole.toString().split('\n').length - 1);
  t.true(lines > 5000);
  for (let line = 0; line < lines; line += 379) {
    t.is(Buffer.from((await logs.read(logPath, line, 1, 100)).bytes).toString(), `line ${line}\n`);
  }
  await logs.close();
});
