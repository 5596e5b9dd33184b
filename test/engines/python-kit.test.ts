/** The Python engine kit as its users and their nodes see it: real engines, launched by the driver. */
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {inProject, pythonPath} from '../conformance/run.ts';
import {engineLab, eventually, followToEnd, runForResults, runTask, type EngineLab} from './engine-lab.ts';
import {taskOf} from './launches.ts';

const kit = inProject('engines/kit-python/tenon_engine.py');

const kitLab = (
  t: ExecutionContext,
  program = inProject('test/engines/fixtures/kit_engine.py'),
): Promise<EngineLab> => engineLab(t, {programs: {kit: [pythonPath, kit, program]}});

const cells = (...values: string[]): string => {
  const payload = values.map(value => `${Buffer.byteLength(value)},`).join('');
  const entry = String(payload.length).padStart(10, '0') + payload + values.join('');
  return String(Buffer.byteLength(entry)).padStart(10, '0') + entry;
};

test('names, prints and imports of an engine live from job to job', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const first = await runTask(
    engine,
    'import os\nkept["pid"] = os.getpid()\nprint("é", job.user, job.task_id)',
    {taskID: 1},
  );
  t.is(first.log, 'é alice 1\n');
  const second = await runTask(engine, 'import os\nprint(kept["pid"] == os.getpid())', {taskID: 2});
  t.is(second.log, 'True\n');
});

test('a job has its parameters, and its environment for as long as it runs', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const code =
    'import os\nprint(job.parameters, os.environ.get("A"), os.environ["TENON_TASK_ID"], job.code_type)';
  const first = await runTask(engine, code, {environment: {A: 'b'}, runtimeParams: {x: [1]}, codeType: 'py'});
  t.is(first.log, "{'x': [1]} b 1 py\n");
  t.is((await runTask(engine, code, {taskID: 2})).log, '{} None 2 shell\n');
});

test('log lines, warnings and progress stand in the spool in the order in which they were said', async t => {
  const lab = await kitLab(t);
  const code =
    'job.log("one")\njob.progress(1, 4)\njob.warn("two\\nlines")\nprint("three")\njob.progress(1.5)';
  const {log, progress, end} = await runTask(await lab.launch('kit'), code);
  t.regex(log, /^one\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARN two lines\nthree\n$/);
  t.deepEqual(progress, [0.25, 1]);
  t.is(end.outcome, 'succeeded');
});

test('result sets are numbered, whole and typed', async t => {
  const lab = await kitLab(t);
  const code = [
    'job.table([{"n": 1, "name": "ä"}, {"n": 2}])',
    'with job.open_table(["id", ("at", "date")]) as table:',
    '    table.add(7, None)',
    'job.text("a\\nb")',
    'job.html("<b>")',
  ].join('\n');
  const {results, end} = await runForResults(lab, await lab.launch('kit'), code);
  t.is(end.resultCount, 4);
  t.true(results[0]?.endsWith(cells('1', 'ä') + cells('2', 'LINKIS_NULL')));
  t.true(
    results[1]?.endsWith(
      cells('id', 'string', 'LINKIS_NULL', 'at', 'date', 'LINKIS_NULL') + cells('7', 'LINKIS_NULL'),
    ),
  );
  t.is(results[2], 'dolphin00000000010000000004NULL0000000001a0000000001b');
  t.true(results[3]?.startsWith('dolphin0000000005'));
});

test('a result set that was not finished is none', async t => {
  const lab = await kitLab(t);
  const code =
    'with job.open_table(["id"]) as table:\n    table.add(1)\n    raise JobFailed("half", 70123, True)';
  const {results, end} = await runForResults(lab, await lab.launch('kit'), code);
  t.deepEqual(results, []);
  t.deepEqual(end.failure, {code: 70123, message: 'half', retryable: true});
});

for (const [code, message] of [
  ['{}["x"]', /^KeyError: 'x'$/],
  ['import sys; sys.exit(3)', /^SystemExit: 3$/],
  ['job.open_table(["a"]).add(1, 2)', /^ValueError: a row of 2 values for 1 columns$/],
] as const) {
  test(`a job that raises has failed, and the engine goes on: ${code}`, async t => {
    const lab = await kitLab(t);
    const engine = await lab.launch('kit');
    const {end, log} = await runTask(engine, code);
    t.is(end.failure?.code, 50255);
    t.regex(end.failure?.message ?? '', message);
    t.regex(log, /Traceback/);
    t.is((await runTask(engine, 'print("on")', {taskID: 2})).log, 'on\n');
  });
}

test('a worker that dies fails its job with how it died, and the next job has a new one', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const {end} = await runTask(engine, 'kept["x"] = 1\nimport os; os._exit(9)');
  t.is(end.failure?.code, 60003);
  t.regex(end.failure?.message ?? '', /exit code 9/);
  t.is((await runTask(engine, 'print(kept)', {taskID: 2})).log, '{}\n');
});

test('a kill reaches the code as JobKilled, which may clean up, and what was made stays', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const code = [
    'import time',
    'job.text("whole")',
    'print("begun")',
    'try:',
    '    time.sleep(300)',
    'except JobKilled:',
    '    print("cleaning", job.is_killed or "later")',
    '    raise',
  ].join('\n');
  await engine.execute(taskOf(code));
  const followed = followToEnd(engine, {
    async onEvents(events) {
      if (events.some(event => event.type === 'log' && Buffer.from(event.lines).includes('begun')))
        engine.kill(1, 1, 60_000, 'killed');
    },
  });
  const {log, end} = await followed;
  t.regex(log, /^begun\ncleaning (?:True|later)\n$/);
  t.deepEqual([end.outcome, end.resultCount], ['killed', 1]);
  await engine.confirm(1, 1);
  t.is((await runTask(engine, 'print("on")', {taskID: 2})).log, 'on\n');
});

test('what is registered for a kill is called at once, also while the code waits in a library', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const file = join(lab.directory, 'cancelled');
  // A wait for a lock that never comes, in C: Python's own handler of TERM has to wait for it.
  const code = [
    'import sqlite3, time',
    `job.on_kill(lambda: open(${JSON.stringify(file)}, "w").write("yes"))`,
    'database = sqlite3.connect(":memory:")',
    'print("begun")',
    'database.execute("with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) from c").fetchall()',
  ].join('\n');
  await engine.execute(taskOf(code));
  const {end} = await followToEnd(engine, {
    async onEvents(events) {
      if (events.some(event => event.type === 'log')) engine.kill(1, 1, 1500, 'killed');
    },
  });
  t.is(end.outcome, 'killed');
  t.is(await readFile(file, 'utf8'), 'yes');
});

test('modules of an engine may have the names of the host’s, before and after it serves', async t => {
  const lab = await engineLab(t);
  const {directory} = lab;
  await writeFile(join(directory, 'task.py'), 'WHO = "mine"\n');
  await writeFile(join(directory, 'output.py'), 'WHO = "also mine"\n');
  const program = join(directory, 'engine.py');
  await writeFile(
    program,
    'import task\nfrom tenon_engine import serve\n\ndef run(job):\n    import output, task as again\n' +
      '    print(task.WHO, again.WHO, output.WHO)\n\nserve(run)\n',
  );
  const own = await kitLab(t, program);
  t.is((await runTask(await own.launch('kit'), '')).log, 'mine mine also mine\n');
});

test('an engine that can import the kit by itself needs nothing before its name', async t => {
  const lab = await engineLab(t, {
    programs: {kit: [pythonPath, inProject('test/engines/fixtures/kit_engine.py')]},
    environment: {
      PATH: process.env['PATH'] ?? '',
      LANG: 'C.UTF-8',
      PYTHONPATH: inProject('engines/kit-python'),
    },
  });
  t.is((await runTask(await lab.launch('kit'), 'print(1)')).log, '1\n');
});

test('an engine whose owner has gone keeps its job’s true end', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  await engine.execute(taskOf('import time\nprint("a")\ntime.sleep(0.5)\nprint("b")'));
  engine.detach();
  const [adopted] = await (await lab.successor()).adoptAll();
  if (adopted === undefined) throw new Error('nothing was adopted');
  const {log, end} = await followToEnd(adopted);
  t.deepEqual([log, end.outcome], ['a\nb\n', 'succeeded']);
  await adopted.confirm(1, 1);
  await adopted.shutdown(0);
  await eventually(
    'nobody is left',
    async () => (await lab.processesOf(engine.engineId)).length === 0 || undefined,
  );
});
