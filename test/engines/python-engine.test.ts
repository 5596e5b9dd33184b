/** The python engine as its owner sees it. pandas is not needed: a look-alike has the same shape. */
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {engineLab, eventually, followToEnd, runForResults, runTask} from './engine-lab.ts';
import {taskOf} from './launches.ts';

const record = (payload: string): string => String(Buffer.byteLength(payload)).padStart(10, '0') + payload;
const textResult = (...lines: string[]): string =>
  `dolphin0000000001${record('NULL')}${lines.map(record).join('')}`;

/** Columns and rows of a table result set, decoded by the rules of Linkis' format. */
function tableOf(file: string): {columns: string[][]; rows: string[][]} {
  const bytes = Buffer.from(file);
  const records: string[][] = [];
  for (let at = 17; at < bytes.length;) {
    const length = Number(bytes.toString('utf8', at, at + 10));
    const payload = bytes.subarray(at + 10, at + 10 + length);
    const indexBytes = Number(payload.toString('utf8', 0, 10));
    const lengths = payload
      .toString('utf8', 10, 10 + indexBytes)
      .split(',')
      .slice(0, -1)
      .map(Number);
    let position = 10 + indexBytes;
    records.push(
      lengths.map(size => {
        position += size;
        return payload.toString('utf8', position - size, position);
      }),
    );
    at += 10 + length;
  }
  const [header = [], ...rows] = records;
  const columns = [];
  for (let at = 0; at < header.length; at += 3) columns.push(header.slice(at, at + 3));
  return {columns, rows};
}

test('names live from task to task, and the value of the last expression is the result', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  t.is((await runTask(engine, 'x = 20', {taskID: 1})).end.resultCount, 0);
  await runTask(engine, 'def double(n):\n    return n * 2', {taskID: 2});
  const {results, log} = await runForResults(lab, engine, 'double(x) + 2', {taskID: 3});
  t.deepEqual(results, [textResult('42')]);
  t.is(log, '');
});

test('print, stderr and what other programs write are the log, in the order they were written', async t => {
  const lab = await engineLab(t);
  const {log} = await runTask(
    await lab.launch('python'),
    `import os, subprocess, sys
print("one")
sys.stderr.write("two\\n")
subprocess.run(["echo", "three"])
print("four", end="")
print(" and more")
os.system("echo five")
os.write(1, b"six\\n")
print("seven")`,
  );
  t.is(log, 'one\ntwo\nthree\nfour and more\nfive\nsix\nseven\n');
});

test('the order also holds in the middle of a flood of lines', async t => {
  const lab = await engineLab(t);
  const {log} = await runTask(
    await lab.launch('python'),
    'import subprocess\nfor n in range(5000): print(n)\nsubprocess.run(["echo", "child"])\nprint("after")',
  );
  t.true(log.endsWith('4998\n4999\nchild\nafter\n'));
});

test('a job that only prints has its first ten lines as the result, as in Linkis', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  const {results} = await runForResults(lab, engine, 'for n in range(30): print("line", n)', {taskID: 1});
  t.deepEqual(results, [textResult(...Array.from({length: 10}, (_, n) => `line ${n}`))]);
  const shown = await runForResults(lab, engine, 'print("printed")\n"shown"', {taskID: 2});
  t.deepEqual(shown.results, [textResult("'shown'")]);
});

test('dicts become a table with types, missing values and the columns of all rows', async t => {
  const lab = await engineLab(t);
  const {results} = await runForResults(
    lab,
    await lab.launch('python'),
    `import datetime, decimal
[{"id": 1, "name": "é", "ok": True, "at": datetime.date(2024, 2, 29), "x": 1}, {"id": 2, "x": 2.5, "d": decimal.Decimal("1.10")}]`,
  );
  t.deepEqual(tableOf(results[0] ?? ''), {
    columns: [
      ['id', 'bigint', 'LINKIS_NULL'],
      ['name', 'string', 'LINKIS_NULL'],
      ['ok', 'boolean', 'LINKIS_NULL'],
      ['at', 'date', 'LINKIS_NULL'],
      ['x', 'double', 'LINKIS_NULL'],
      ['d', 'decimal', 'LINKIS_NULL'],
    ],
    rows: [
      ['1', 'é', 'true', '2024-02-29', '1', 'LINKIS_NULL'],
      ['2', 'LINKIS_NULL', 'LINKIS_NULL', 'LINKIS_NULL', '2.5', '1.10'],
    ],
  });
});

test('the example file of the Linkis contract comes out byte for byte', async t => {
  const lab = await engineLab(t);
  const {results} = await runForResults(
    lab,
    await lab.launch('python'),
    'show_table([(1, "a"), (2, None)], ["id", "name"])',
  );
  t.is(
    results[0],
    'dolphin0000000002' +
      record('00000000142,6,11,4,6,11,idbigintLINKIS_NULLnamestringLINKIS_NULL') +
      record('00000000041,1,1a') +
      record('00000000051,11,2LINKIS_NULL'),
  );
});

test('show, showDF and showHTML make one result set each, in order', async t => {
  const lab = await engineLab(t);
  const {results, end} = await runForResults(
    lab,
    await lab.launch('python'),
    'show([{"a": 1}])\nshowDF([{"b": 2}])\nshowHTML("<b>c</b>")\nshow("d")\nshow.show_dataframe([{"e": 5}])',
  );
  t.is(end.resultCount, 5);
  t.deepEqual(
    results.map(file => file.slice(7, 17)),
    ['0000000002', '0000000002', '0000000005', '0000000001', '0000000002'],
  );
  t.true(results[2]?.endsWith(record('<b>c</b>')));
});

/** The part of pandas' DataFrame that is looked at. */
const lookAlike = `
class Column(list):
    @property
    def iloc(self): return self
class DataFrame:
    columns = ["n", "x", "s", "w"]
    dtypes = Column(["int64", "float64", "object", "datetime64[ns]"])
    rows = [(1, 1.5, "a", "2024-01-01"), (2, float("nan"), None, "2024-01-02")]
    @property
    def iloc(self): return Cells(self.rows)
    def itertuples(self, index, name): return iter(self.rows)
class Cells:
    def __init__(self, rows): self.rows = rows
    def __getitem__(self, key): return [row[key[1]] for row in self.rows]
`;

test('a DataFrame becomes a table with the types of its columns, and NaN is no value', async t => {
  const lab = await engineLab(t);
  const {results} = await runForResults(lab, await lab.launch('python'), `${lookAlike}\nDataFrame()`);
  const {columns, rows} = tableOf(results[0] ?? '');
  t.deepEqual(
    columns.map(([name, type]) => `${name} ${type}`),
    ['n bigint', 'x double', 's string', 'w timestamp'],
  );
  t.deepEqual(rows, [
    ['1', '1.5', 'a', '2024-01-01'],
    ['2', 'LINKIS_NULL', 'LINKIS_NULL', '2024-01-02'],
  ]);
});

test('a row beyond the limit of a record fails clearly, and leaves no half result set', async t => {
  const lab = await engineLab(t);
  const {end, results} = await runForResults(
    lab,
    await lab.launch('python'),
    'show_table([["x" * 3_000_000]], ["c"])',
  );
  t.is(end.outcome, 'failed');
  t.regex(end.failure?.message ?? '', /RecordTooLongError: .*2097152/);
  t.deepEqual(results, []);
});

test('a traceback shows the frames of the user and nothing of the engine', async t => {
  const lab = await engineLab(t);
  const {log, end} = await runTask(
    await lab.launch('python'),
    'def f():\n    return 1 / 0\n\ntry:\n    f()\nexcept ZeroDivisionError as error:\n    raise KeyError("outer") from error',
  );
  t.is(end.failure?.code, 41001);
  t.is(end.failure?.message, "KeyError: 'outer' (line 7)");
  t.regex(
    log,
    /^Traceback[^]*line 2, in f\n    return 1 \/ 0[^]*ZeroDivisionError[^]*direct cause[^]*line 7[^]*KeyError: 'outer'\n$/,
  );
  t.notRegex(log, /python_worker|exec\(compile/);
});

test('a syntax error names its line', async t => {
  const lab = await engineLab(t);
  const {log, end} = await runTask(await lab.launch('python'), 'x = 1\ny = = 2\n');
  t.regex(end.failure?.message ?? '', /^SyntaxError: .*\(line 2\)$/);
  t.notRegex(log, /ast\.py|Traceback/);
});

test('progress reported by the code arrives in order, the last one always', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  await engine.execute(taskOf('progress(0, "reading")\nfor n in range(1, 10001): tenon.progress(n, 10000)'));
  const seen: {progress: number; info: unknown}[] = [];
  const {log, progress} = await followToEnd(engine, {
    async onEvents(events) {
      for (const event of events)
        if (event.type === 'progress') seen.push({progress: event.progress, info: event.info});
    },
  });
  t.regex(log, / INFO reading\n$/);
  t.is(progress[0], 0);
  t.is(progress.at(-1), 1);
  t.deepEqual(
    progress,
    progress.toSorted((one, other) => one - other),
  );
  t.deepEqual(seen.at(-1)?.info, [
    {id: 'job', totalTasks: 10_000, runningTasks: 0, failedTasks: 0, succeedTasks: 10_000},
  ]);
  t.true(progress.length < 100);
});

test('progress outside its range is an error of the code', async t => {
  const lab = await engineLab(t);
  const {end} = await runTask(await lab.launch('python'), 'tenon.progress(11, 10)');
  t.regex(end.failure?.message ?? '', /ValueError: progress must lie between/);
});

test('exit ends the task with its code, not the engine', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  t.is((await runTask(engine, 'kept = 1\nexit()', {taskID: 1})).end.outcome, 'succeeded');
  const failed = await runTask(engine, 'import sys\nsys.exit(3)', {taskID: 2});
  t.is(failed.end.failure?.message, 'The code called exit(3).');
  const said = await runTask(engine, 'exit("no such file")', {taskID: 3});
  t.is(said.log, 'no such file\n');
  t.is((await runTask(engine, 'print(kept)', {taskID: 4})).log, '1\n');
});

test('input fails at once and says why', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  const asked = await runTask(engine, 'input("name? ")', {taskID: 1});
  t.regex(asked.end.failure?.message ?? '', /^EOFError: A job has no terminal.*Pass values/);
  const read = await runTask(engine, 'import sys\nfor line in sys.stdin: print(line)', {taskID: 2});
  t.regex(read.end.failure?.message ?? '', /A job has no terminal/);
});

test('an interpreter that ends itself fails its task, and the next one gets a new interpreter and is told', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  const {end} = await runTask(engine, 'x = 1\nimport os\nos._exit(9)', {taskID: 1});
  t.is(end.failure?.code, 60003);
  t.regex(end.failure?.message ?? '', /exit code 9/);
  const next = await runTask(engine, 'print("x" in globals())', {taskID: 2});
  t.regex(next.log, /^.* WARN .*new Python interpreter.*\nFalse\n$/);
});

test('a crash in C says where in the job it was', async t => {
  const lab = await engineLab(t);
  const {end, log} = await runTask(
    await lab.launch('python'),
    'import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)',
  );
  t.regex(end.failure?.message ?? '', /SIGSEGV/);
  t.regex(log, /Segmentation fault[^]*File "<job 1>", line 2/);
});

test('kill ends the interpreter and what it started, and the engine lives on', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  await engine.execute(
    taskOf(
      'import subprocess\nsubprocess.Popen(["sleep", "300"], start_new_session=True)\nprint("up")\nwhile True: pass',
    ),
  );
  const {end, log} = await followToEnd(engine, {
    async onEvents(events) {
      if (events.some(event => event.type === 'log')) engine.kill(1, 1, 200, 'killed');
    },
  });
  t.is(end.outcome, 'killed');
  t.true(end.engineIsReusable);
  t.is(log, 'up\n');
  await lab.nobodyLeft(engine.engineId);
  await engine.confirm(1, 1);
  t.regex((await runTask(engine, 'print("again")', {taskID: 2})).log, /again\n$/);
});

test('processes that a finished task left are ended; the interpreter and its names stay', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  const {log, end} = await runTask(engine, 'import subprocess\nchild = subprocess.Popen(["sleep", "300"])', {
    taskID: 1,
  });
  t.is(end.outcome, 'succeeded');
  t.regex(log, / WARN The job has ended but left 1 process running; ending it now\.\n$/);
  t.is((await runTask(engine, 'print(child.wait())', {taskID: 2})).log, '-15\n');
});

test('multiprocessing works, its output too, and its helper process is not taken for a leftover', async t => {
  const lab = await engineLab(t);
  const {log, results} = await runForResults(
    lab,
    await lab.launch('python'),
    `import multiprocessing
def square(n):
    print("child", n)
    return n * n
with multiprocessing.Pool(2) as pool:
    values = pool.map(square, range(3))
values`,
  );
  t.deepEqual(log.split('\n').toSorted(), ['', 'child 0', 'child 1', 'child 2']);
  t.deepEqual(results, [textResult('[0, 1, 4]')]);
});

test('what a thread prints after its task ended stands in the log of the next task, and is announced', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  await runTask(
    engine,
    'import threading, time\ndef late():\n    time.sleep(0.3)\n    print("late")\n    open("printed", "w").close()\nthreading.Thread(target=late).start()',
    {taskID: 1},
  );
  const marker = join(lab.enginesDirectory, engine.engineId, 'work', 'printed');
  await eventually('the thread printed', () => readFile(marker).catch(() => undefined));
  const {log} = await runTask(engine, 'print("next")', {taskID: 2});
  t.regex(log, /^.* INFO Printed since the previous job ended.*\nlate\nnext\n$/);
});

test('the code can close every descriptor it finds: the task fails, the engine survives', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  const {end} = await runTask(engine, 'import os\nos.closerange(3, 1000)', {taskID: 1});
  t.is(end.outcome, 'failed');
  t.is((await runTask(engine, 'print("fine")', {taskID: 2})).end.outcome, 'succeeded');
});

test('parameters and the environment of a task are there while it runs, and only then', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  const {log} = await runTask(
    engine,
    'import os, tenon\nprint(os.environ["TENON_TASK_ID"], os.environ["EXTRA"], tenon.parameters()["n"])',
    {taskID: 5, environment: {EXTRA: 'e'}, runtimeParams: {n: 3}},
  );
  t.is(log, '5 e 3\n');
  t.is((await runTask(engine, 'print("EXTRA" in os.environ)', {taskID: 6})).log, 'False\n');
});

test('the modules of the engine are not in the way of those of a job', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  const {log} = await runTask(
    engine,
    `open("task.py", "w").write("whose = 'mine'")
import sys, task
print(task.whose, [name for name in ("dolphin", "log_line", "python_names", "spool") if name in sys.modules])
try:
    import spool
except ImportError as error:
    print(error)
print(sys.path[0] == "", sys.pycache_prefix)`,
  );
  t.is(log, "mine []\nNo module named 'spool'\nTrue None\n");
});

test('comments, blank code and code with unusual characters run', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  t.is((await runTask(engine, '# nothing\n', {taskID: 1})).end.outcome, 'succeeded');
  t.is((await runTask(engine, 'print("漢字 😀")', {taskID: 2})).log, '漢字 😀\n');
  t.regex((await runTask(engine, 'x = "\0"', {taskID: 3})).end.failure?.message ?? '', /null byte/);
});
