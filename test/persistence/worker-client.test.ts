import test, {type ExecutionContext} from 'ava';
import {DatabaseAwayError} from '../../actors/ports.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {WorkerClient} from '../../persistence/worker-client.ts';

const program = new URL('./fixtures/fragile-worker.ts', import.meta.url);

async function start(t: ExecutionContext, file = 'x'): Promise<{client: WorkerClient; logged: string[]}> {
  const logged: string[] = [];
  const {client} = await WorkerClient.start({
    settings: {target: {type: 'sqlite', file}, leaseMs: 1, lockWaitMsMax: 1},
    log: (_level, message) => logged.push(message),
    clock: systemClock,
    random: seededRandom(1),
    program,
  });
  t.teardown(() => client.close());
  return {client, logged};
}

/** Asks until the thread is there again. */
async function answered(client: WorkerClient): Promise<boolean> {
  for (const startedMs = performance.now(); performance.now() - startedMs < 20_000;) {
    const answer = await client.ask('accounts.revokeToken', [1], 1000).catch(() => false);
    if (answer) return true;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  return false;
}

for (const [how, kill] of [
  ['leaves', 'ping'],
  ['crashes', 'accounts.tokens'],
] as const) {
  test(`a thread that ${how} fails all open questions as away, and is started again`, async t => {
    const {client, logged} = await start(t);
    const open = [client.ask('accounts.users', [], 60_000), client.ask('accounts.users', [], 60_000)];
    await t.throwsAsync(client.ask(kill, [], 60_000), {
      instanceOf: DatabaseAwayError,
      message: /thread ended/,
    });
    for (const question of open) await t.throwsAsync(question, {instanceOf: DatabaseAwayError});
    await t.throwsAsync(client.ask('accounts.users', [], 10), {instanceOf: DatabaseAwayError});
    t.true(await answered(client));
    t.regex(logged.join(), /Opening the database again in \d+ ms/);
  });
}

test('a question that is not answered in time fails as away, and its late answer harms nobody', async t => {
  const {client} = await start(t);
  await t.throwsAsync(client.ask('jobs.get', [1], 10), {
    instanceOf: DatabaseAwayError,
    message: /did not answer jobs\.get within 10 ms/,
  });
  t.is(await client.ask('jobs.get', [1], 10_000), undefined);
});

test('more questions than it can keep are turned away at once', async t => {
  const {client} = await start(t);
  const kept = Array.from({length: 10_000}, () => client.ask('accounts.users', [], 3_600_000));
  for (const question of kept) question.catch(() => undefined);
  await t.throwsAsync(client.ask('accounts.users', [], 1000), {message: /10000 requests wait/});
});

test('closing fails what is still open', async t => {
  const {client} = await start(t);
  const open = client.ask('accounts.users', [], 60_000);
  await Promise.all([
    t.throwsAsync(open, {instanceOf: DatabaseAwayError, message: /closed/}),
    client.close(),
  ]);
  await t.throwsAsync(client.ask('ping', [], 10), {message: /closed/});
});

test('a thread that can not start is told to who wanted it, and not tried behind its back', async t => {
  await t.throwsAsync(start(t, 'never-opens'), {
    instanceOf: DatabaseAwayError,
    message: /thread ended with code 3/,
  });
});
