import test from 'ava';
import fc from 'fast-check';
import {createFacadeClient} from '../../cli/facade-client.ts';
import {exitCodes} from '../../cli/exit-code.ts';
import {showFollowed, type FollowOptions} from '../../cli/follow-view.ts';
import {captureTerminal, type CaptureTerminal} from '../support/capture-terminal.ts';
import {runClient, type ClientRun} from '../support/client-run.ts';
import {password, startStandIn, type StandIn, type Subscription} from '../support/facade-stand-in.ts';

const status = (name: string): object => ({type: 'status', status: name, at: '2026-05-01T10:20:30.000Z'});
const log = (fromLine: number, ...lines: readonly string[]): object => ({type: 'log', fromLine, lines});
const end = (name: string, lines: number): object => ({type: 'end', status: name, lines});

const withJob = (standIn: StandIn, name: string, more: object = {}): void => {
  standIn.jobs.set(7, {taskID: 7, status: name, lines: [], ...more});
};

/** Follows job 7 with more control than the command line gives. */
async function follow(
  {url}: StandIn,
  options: Partial<FollowOptions> = {},
  terminal: CaptureTerminal = captureTerminal(),
): Promise<ClientRun> {
  const client = createFacadeClient({url, identity: {type: 'password', user: 'hadoop', password}});
  const code = await showFollowed(client, terminal, {
    taskID: 7,
    fromLine: 0,
    isJson: false,
    onSignal: 'leaveJob',
    ...options,
  });
  return {code, stdout: terminal.stdout(), stderr: terminal.stderr()};
}

test('submit --follow shows the lines of the job, and only them, on standard output', async t => {
  const standIn = await startStandIn(t);
  standIn.onSubscribe = ({send}) => {
    send(
      status('Inited'),
      log(0, 'one', '', '\ttwo '),
      status('Running'),
      {type: 'progress', progress: 0.4},
      log(3, 'three'),
    );
    send(status('Succeed'), end('Succeed', 4));
  };
  const terminal = captureTerminal();
  t.deepEqual(await runClient(standIn.url, ['submit', '--code', 'echo', '--follow'], {terminal}), {
    code: 0,
    stdout: 'one\n\n\ttwo \nthree\n',
    stderr: 'Job 1 is accepted.\n',
  });
  t.deepEqual(
    [...new Set(terminal.progressLines)],
    ['Job 1: Inited', 'Job 1: Running', 'Job 1: Running 40 %', ''],
  );
});

for (const [name, code] of [
  ['Failed', 1],
  ['Cancelled', 3],
  ['Timeout', 4],
] as const) {
  test(`submit --follow of a job that ends as ${name} exits with ${code} and says why`, async t => {
    const standIn = await startStandIn(t);
    standIn.onSubscribe = ({send, taskID}) => {
      const job = standIn.jobs.get(taskID);
      if (job !== undefined) Object.assign(job, {status: name, errCode: 30_004, errDesc: 'it was so'});
      send(end(name, 0));
    };
    const result = await runClient(standIn.url, ['submit', '--code', 'echo', '-f']);
    t.deepEqual(result, {code, stdout: '', stderr: `Job 1 is accepted.\nJob 1: ${name} – 30004 it was so\n`});
  });
}

test('with --json every frame is a line of JSON', async t => {
  const standIn = await startStandIn(t);
  standIn.onSubscribe = ({send}) =>
    send(status('Running'), log(0, 'a', 'b'), {type: 'later', x: 1}, end('Succeed', 2));
  const {stdout} = await runClient(standIn.url, ['submit', '--code', 'echo', '--follow', '--json']);
  t.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as {type: string})
      .map(({type}) => type),
    ['accepted', 'status', 'log', 'end'],
  );
});

test('log --follow begins where it is told, and its exit code is the fate', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Running');
  standIn.onSubscribe = ({send, fromLine}) => {
    withJob(standIn, 'Failed');
    send(log(fromLine, 'six', 'seven'), end('Failed', fromLine + 2));
  };
  const {code, stdout} = await runClient(standIn.url, ['log', '7', '--follow', '--from', '6']);
  t.deepEqual([code, stdout], [1, 'six\nseven\n']);
});

test('the log of a job that has ended is read to its end; that the job failed is no failure of reading', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Failed', {errDesc: 'no'});
  standIn.onSubscribe = ({send}) => send(log(0, 'last words'), end('Failed', 1));
  t.deepEqual(await runClient(standIn.url, ['log', '7']), {
    code: 0,
    stdout: 'last words\n',
    stderr: 'Job 7: Failed – no\n',
  });
});

test('the log of a job at work is what there is now, blank lines and all', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Running', {lines: ['one', '', 'three']});
  t.is((await runClient(standIn.url, ['log', '7'])).stdout, 'one\n\nthree\n');
  t.is((await runClient(standIn.url, ['log', '7', '--from', '2'])).stdout, 'three\n');
  t.is((await runClient(standIn.url, ['log', '7', '--from', '3'])).stdout, '');
  t.deepEqual(JSON.parse((await runClient(standIn.url, ['log', '7', '--from', '2', '--json'])).stdout), {
    type: 'log',
    taskID: 7,
    fromLine: 2,
    lines: ['three'],
  });
});

test('a log that can not be had in one piece is read page by page', async t => {
  const standIn = await startStandIn(t);
  const lines = ['one', 'two', 'three', 'four', 'five'];
  withJob(standIn, 'Running', {lines});
  standIn.jobs.set(8, {taskID: 8, status: 'Inited', lines: []});
  // The stand-in answers two lines a page, and refuses `openLog` for a job without lines.
  const client = await runClient(standIn.url, ['log', '8']);
  t.deepEqual(client, {code: 0, stdout: '', stderr: ''});
  const original = standIn.onRequest;
  standIn.onRequest = path => (path === 'filesystem/openLog' ? 'cut' : original(path, 0));
  t.is(
    (await runClient(standIn.url, ['log', '7'])).code,
    exitCodes.connection,
    'a broken connection is no refusal',
  );
});

/** Cuts every connection after some frames and sends too much again at the next: what is shown must not change. */
test('after any number of breaks every line was shown once', async t => {
  const standIn = await startStandIn(t);
  const lines = Array.from({length: 40}, (_, index) => `line ${index}`);
  const breaks = fc.array(
    fc.record({take: fc.nat({max: 15}), again: fc.nat({max: 5}), how: fc.constantFrom(1001, 1006, 4408)}),
    {
      maxLength: 4,
    },
  );
  await fc.assert(
    fc.asyncProperty(breaks, async plan => {
      withJob(standIn, 'Succeed');
      let count = 0;
      standIn.onSubscribe = ({send, close, cut, fromLine}) => {
        const step = plan[count];
        count += 1;
        const start = Math.max(0, fromLine - (step?.again ?? 0));
        const stop = step === undefined ? lines.length : Math.min(lines.length, fromLine + step.take);
        if (stop > start) send(log(start, ...lines.slice(start, stop)));
        if (step === undefined) send(end('Succeed', lines.length));
        else if (step.how === 1006) cut();
        else close(step.how, 'so be it');
      };
      const {code, stdout} = await follow(standIn);
      t.is(code, 0);
      t.is(stdout, `${lines.join('\n')}\n`);
    }),
    {numRuns: 15},
  );
});

test('a break is told with the line that comes next', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed');
  standIn.onSubscribe = ({count, send, close}) => {
    if (count === 0) {
      send(log(0, 'a', 'b'));
      close(4408, 'did not read');
    } else send(log(2, 'c'), end('Succeed', 3));
  };
  const {stdout, stderr} = await follow(standIn);
  t.is(stdout, 'a\nb\nc\n');
  t.is(stderr, 'The stream was closed (4408 did not read). Connecting again, from line 2 on.\n');
});

test('an end that promises more lines than came is not believed', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed');
  standIn.onSubscribe = ({count, send, fromLine}) => {
    if (count === 0) send(log(0, 'a'), end('Succeed', 3));
    else send(log(fromLine, 'b', 'c'), end('Succeed', 3));
  };
  const {code, stdout} = await follow(standIn);
  t.deepEqual([code, stdout], [0, 'a\nb\nc\n']);
});

test('a hole that nobody declared is asked for again, a declared one is told', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed');
  standIn.onSubscribe = ({count, send, fromLine}) => {
    if (count === 0) send(log(0, 'a'), log(5, 'f'));
    else {
      t.is(fromLine, 1);
      send({type: 'gap', fromLine: 1, toLine: 5, why: 'Retention.'}, log(5, 'f'), end('Succeed', 6));
    }
  };
  const {stdout, stderr} = await follow(standIn);
  t.is(stdout, 'a\nf\n');
  t.regex(stderr, /\(lines 1 to 4 are gone: Retention\.\)/);
});

test('while the log can not be read, it is tried again; what is forbidden stays forbidden', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed');
  standIn.onSubscribe = ({count, send}) => {
    if (count === 0) send({type: 'error', code: 80_123, message: 'The log could not be read.'});
    else send(end('Succeed', 0));
  };
  t.is((await follow(standIn)).code, 0);
  standIn.onSubscribe = ({send}) => send({type: 'error', code: 80_018, message: 'This is not yours.'});
  await t.throwsAsync(follow(standIn), {name: 'RefusedError', message: 'This is not yours.'});
});

test('upgrades that are refused for a while are tried again, for good they end it', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed');
  standIn.onSubscribe = ({send}) => send(end('Succeed', 0));
  standIn.refuseUpgrades = 503;
  const terminal = captureTerminal();
  const following = follow(standIn, {}, terminal);
  await terminal.shows('refused the stream with HTTP status 503');
  standIn.refuseUpgrades = undefined;
  t.is((await following).code, 0);
  standIn.refuseUpgrades = 403;
  await t.throwsAsync(follow(standIn), {name: 'RefusedError', message: /HTTP status 403/});
});

test('a session that ran out is opened again, one that is refused at once is not', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed');
  standIn.onSubscribe = ({count, send, close}) => {
    if (count === 0) {
      standIn.sessions.clear();
      close(4401, 'no longer logged in');
    } else send(end('Succeed', 0));
  };
  t.is((await follow(standIn)).code, 0);
  standIn.refuseUpgrades = 401;
  await t.throwsAsync(follow(standIn), {name: 'RefusedError', message: /Not logged in/});
});

test('a connection that stays away ends with the command that goes on', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Running');
  standIn.onSubscribe = ({count, send, cut}) => {
    if (count === 0) send(log(0, 'a', 'b'));
    cut();
  };
  const error = await t.throwsAsync(follow(standIn, {patienceMs: 300}), {name: 'ConnectionError'});
  t.regex(error.message, /Go on with: tenon log 7 --follow --from 2$/);
});

test('Ctrl-C ends the job and sees it out', async t => {
  const standIn = await startStandIn(t);
  let subscription: Subscription | undefined;
  standIn.onSubscribe = taken => {
    subscription = taken;
    taken.send(status('Running'), log(0, 'at work'));
  };
  standIn.onKill = job => {
    job.status = 'Cancelled';
    subscription?.send(log(1, 'last words'), end('Cancelled', 2));
  };
  const terminal = captureTerminal();
  const running = runClient(standIn.url, ['submit', '--code', 'sleep 100', '--follow'], {terminal});
  await terminal.shows('at work');
  terminal.signal('SIGINT');
  const {code, stdout, stderr} = await running;
  t.deepEqual([code, stdout], [exitCodes.interrupted, 'at work\nlast words\n']);
  t.regex(stderr, /Ending job 1 … \(once more leaves it to its fate\)\nJob 1: Cancelled\n$/);
  t.is(standIn.jobs.get(1)?.status, 'Cancelled');
});

test('a second Ctrl-C leaves at once', async t => {
  const standIn = await startStandIn(t);
  standIn.onSubscribe = ({send}) => send(log(0, 'at work'));
  standIn.onKill = () => undefined;
  const terminal = captureTerminal();
  const running = runClient(standIn.url, ['submit', '--code', 'sleep 100', '--follow'], {terminal});
  await terminal.shows('at work');
  terminal.signal('SIGINT');
  await terminal.shows('Ending job');
  terminal.signal('SIGINT');
  const {code, stderr} = await running;
  t.is(code, exitCodes.interrupted);
  t.regex(stderr, /Job 1 is no longer followed\. Go on with: tenon log 1 --follow --from 1\n$/);
});

test('with --keep, and in log --follow, Ctrl-C leaves the job at work', async t => {
  const standIn = await startStandIn(t);
  standIn.onSubscribe = ({send}) => send(status('Running'), log(0, 'at work'));
  for (const [argv, signal, code] of [
    [['submit', '--code', 'sleep 100', '--follow', '--keep'], 'SIGINT', exitCodes.interrupted],
    [['log', '1', '--follow'], 'SIGTERM', exitCodes.terminated],
  ] as const) {
    const terminal = captureTerminal();
    const running = runClient(standIn.url, argv, {terminal});
    await terminal.shows('at work');
    terminal.signal(signal);
    t.is((await running).code, code);
  }
  t.false(standIn.requests.some(request => request.includes('kill')));
});

test('while nobody takes its lines, the stream is not read, so that they wait at the node', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed');
  const line = 'x'.repeat(10_000);
  const count = 3000;
  const {promise: subscribed, resolve} = Promise.withResolvers<Subscription>();
  standIn.onSubscribe = subscription => {
    for (let index = 0; index < count; index += 1) subscription.send(log(index, line));
    subscription.send(end('Succeed', count));
    resolve(subscription);
  };
  const {promise: opened, resolve: open} = Promise.withResolvers<void>();
  let written = 0;
  const following = follow(
    standIn,
    {},
    {
      ...captureTerminal(),
      async write(text) {
        await opened;
        written += text.length;
      },
    },
  );
  const {unread} = await subscribed;
  // No event tells that a peer does not read: what waits for it has to stay the same for a while.
  for (let [turns, before] = [0, unread()]; turns < 500; turns += 1) {
    await new Promise(setImmediate);
    if (unread() !== before) [turns, before] = [0, unread()];
  }
  t.true(unread() > 10_000_000, `${unread()} of ${count * line.length} bytes wait`);
  open();
  t.is((await following).code, 0);
  t.is(written, count * (line.length + 1));
});
