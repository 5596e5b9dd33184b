/** A server that is killed, frozen and gone: what was acknowledged stays, everything else is known to be unknown. */
import {once} from 'node:events';
import {createServer} from 'node:net';
import test from 'ava';
import {DatabaseAwayError, type JobUpdate, type JobWrite} from '../../actors/ports.ts';
import type {Database} from '../../persistence/database.ts';
import {storedJob} from '../support/stored-jobs.ts';
import {freshServerDatabase, openServerDatabase, startServer, type Server} from './server-fixture.ts';

const started = startServer('mariadb');
const it = 'absent' in started ? test.skip : test.serial;
let server: Server | undefined = 'absent' in started ? undefined : started;
test.after.always('the server ends', () => server?.remove());

const insert = (id: number): JobWrite => ({type: 'insert', ...storedJob({id})});
const end = (id: number): JobUpdate => ({
  type: 'update',
  id,
  owner: 'o#i#1',
  from: ['Inited'],
  set: {status: 'Succeed', progress: '1.0', updatedTime: 1_700_000_000_001},
});

/** Commits jobs and their ends, each batch until it is answered, as the history writer does; until told to stop. */
function load({jobs}: Database, onAway: () => void): {stop: () => Promise<number>} {
  let isOver = false;
  const until = async (batch: readonly JobWrite[]): Promise<void> => {
    for (;;) {
      try {
        const outcomes = await jobs.commit(batch);
        if (outcomes.some(({type}) => type !== 'written'))
          throw new Error(`not written: ${JSON.stringify(outcomes)}`);
        return;
      } catch (error) {
        if (!(error instanceof DatabaseAwayError)) throw error;
        onAway();
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    }
  };
  const running = (async () => {
    let id = 1;
    for (; !isOver; id += 25) {
      const ids = Array.from({length: 25}, (_, index) => id + index);
      await until(ids.map(insert));
      await until(ids.map(end));
    }
    return id - 1;
  })();
  return {
    stop() {
      isOver = true;
      return running;
    },
  };
}

it('a server killed under load costs nothing that was acknowledged, and is used again when it is back', async t => {
  if (server === undefined) return;
  const url = await freshServerDatabase(server);
  const database = await openServerDatabase(t, url, {commitTimeoutMs: 3000});
  const away = Promise.withResolvers<void>();
  const writing = load(database, away.resolve);
  while ((await database.jobs.list({}, {number: 1, size: 1})).total < 200);
  process.kill(server.pid, 'SIGKILL');
  await away.promise;
  await t.throwsAsync(database.jobs.get(1), {instanceOf: DatabaseAwayError});
  await t.throwsAsync(database.ping(), {instanceOf: DatabaseAwayError});
  server = server.restart();
  while (
    await database.ping().then(
      () => false,
      () => true,
    )
  );
  const written = await writing.stop();
  const counts = await database.jobs.countByStatus({});
  t.is(counts.Succeed, written);
  t.is(counts.Inited, 0);
});

it('a server that answers nothing makes commits fail in time, and nothing is lost when it goes on', async t => {
  if (server === undefined) return;
  const url = await freshServerDatabase(server);
  const database = await openServerDatabase(t, url, {commitTimeoutMs: 1500, queryTimeoutMs: 1500});
  const away = Promise.withResolvers<void>();
  const writing = load(database, away.resolve);
  while ((await database.jobs.list({}, {number: 1, size: 1})).total < 100);
  process.kill(server.pid, 'SIGSTOP');
  const frozenMs = performance.now();
  await away.promise;
  t.true(performance.now() - frozenMs < 5000);
  process.kill(server.pid, 'SIGCONT');
  while (
    await database.ping().then(
      () => false,
      () => true,
    )
  );
  const written = await writing.stop();
  const counts = await database.jobs.countByStatus({});
  t.is(counts.Succeed, written);
  t.is(counts.Inited, 0);
});

test.serial('a port where nothing listens is told with host and port, soon', async t => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  listener.close();
  await once(listener, 'close');
  await t.throwsAsync(openServerDatabase(t, `mysql://u:secret@127.0.0.1:${port}/db`), {
    instanceOf: DatabaseAwayError,
    message: new RegExp(`127\\.0\\.0\\.1:${port}/db can't be used, nothing listens there`),
  });
});

test.serial('something that accepts connections but is no database is told in time', async t => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const error = await t.throwsAsync(openServerDatabase(t, `mysql://u:secret@127.0.0.1:${port}/db`), {
    instanceOf: DatabaseAwayError,
  });
  t.regex(error?.message ?? '', /did not answer in time/);
  t.false(error?.message.includes('secret'));
});
