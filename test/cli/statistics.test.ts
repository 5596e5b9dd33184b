/** `tenon statistics` and `tenon archive`, against a facade over a real history. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {exitCodes} from '../../cli/exit-code.ts';
import {createJobArchive} from '../../persistence/files/archive.ts';
import {freshDatabase} from '../persistence/database-fixture.ts';
import {insert} from '../persistence/job-store-world.ts';
import {runClient} from '../support/client-run.ts';
import {startFacade} from '../support/facade-world.ts';
import {storedJob} from '../support/stored-jobs.ts';

const as = (url: string, name: string) => ({
  environment: {TENON_URL: url, TENON_USER: name, TENON_PASSWORD: `pw-${name}`},
});

test('statistics show a line for each group, and all of them together', async t => {
  const database = await freshDatabase(t);
  const createdTime = Date.parse('2083-05-01T10:00:00Z');
  await database.jobs.commit([
    insert({id: 1, createdTime, updatedTime: createdTime + 2000, status: 'Succeed'}, {tenant: 'red'}),
    insert({id: 2, createdTime, updatedTime: createdTime + 4000, status: 'Failed'}, {tenant: 'blue'}),
    insert({id: 3, createdTime, submitUser: 'bob', status: 'Running'}, {tenant: 'blue'}),
  ]);
  const {url} = await startFacade(t, {}, systemClock, {jobs: database.jobs, history: database.history});
  const run = (name: string, ...argv: readonly string[]) =>
    runClient(url, ['statistics', '--from', '2083-05-01', '--to', '2083-05-02', ...argv], as(url, name));

  const shown = await run('root', '--group-by', 'tenant');
  t.is(shown.code, exitCodes.ok, shown.stderr);
  const [head, blue, red, all] = shown.stdout.split('\n');
  t.regex(head ?? '', /^TENANT +JOBS +SUCCEED +FAILED +TOOK 50\/95 % +WAITED 50\/95 % +WAITED FOR$/);
  t.regex(blue ?? '', /^blue +2 +0 +1 +[34]\.\d s \/ [34]\.\d s +- +-$/);
  t.regex(red ?? '', /^red +1 +1 +0 /);
  t.regex(all ?? '', /^all +3 +1 +1 /);
  const own = JSON.parse((await run('bob', '--group-by', 'user', '--of', 'alice', '--json')).stdout) as {
    rows: {key: string; jobs: number}[];
  };
  t.deepEqual(
    own.rows.map(({key, jobs}) => [key, jobs]),
    [['bob', 1]],
  );
  t.is((await run('root', '--group-by', 'colour')).code, exitCodes.usage);
  t.is((await runClient(url, ['statistics', '--from', 'x'], as(url, 'root'))).code, exitCodes.refused);
});

test('the archive is listed, and a job in it shown', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-archive-'));
  t.teardown(() => rmSync(directory, {recursive: true, force: true}));
  await createJobArchive({directory, clock: systemClock}).keepJobs([
    {...storedJob({id: 5}), details: []},
    {...storedJob({id: 6, executionCode: 'echo six'}), details: []},
  ]);
  const run = (...argv: readonly string[]) => runClient('', ['archive', ...argv, '--data', directory]);
  t.regex((await run('list')).stdout, /^REMOVED +FILE +BYTES\n\d{4}-\d\d-\d\d +.*5-6\.jsonl\.gz +\d+\n$/);
  const shown = await run('show', '6');
  t.is(shown.code, exitCodes.ok);
  t.like(JSON.parse(shown.stdout), {row: {id: 6, executionCode: 'echo six'}});
  const none = await run('show', '7');
  t.is(none.code, exitCodes.refused);
  t.regex(none.stderr, /no job 7 in the archive/);
});
