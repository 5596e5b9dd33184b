/** What a job does to its host stays with its engine, and is told: forks, memory, files, disk. */
import test from 'ava';
import {engineLab, runForResults, runTask, followToEnd} from './engine-lab.ts';
import {limits, taskOf} from './launches.ts';

test('a fork bomb is ended within seconds, and its engine runs the next job', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell', {limits: {...limits, processesMax: 60}});
  // Each process becomes two, and none minds TERM. It would stop growing by itself at 2,000, for the sake of this machine.
  const code = `trap '' TERM
bomb() { [ "$1" -gt 10 ] && sleep 300; sleep 0.05; bomb $(($1 + 1)) & bomb $(($1 + 1)) & wait; }
bomb 0`;
  const {end} = await runTask(engine, code);
  t.is(end.outcome, 'failed');
  t.is(end.failure?.code, 50211);
  t.regex(end.failure?.message ?? '', /has \d+ processes; the limit of its engine is 60 \(processesMax\)/);
  t.true((end.receipt?.processesEnded ?? 0) > 60);
  t.deepEqual(end.receipt?.signals, ['SIGKILL']);
  t.deepEqual(await lab.processesOf(engine.engineId), []);
  t.is((await runTask(engine, 'echo next', {taskID: 2})).log, 'next\n');
});

test('100,000 open files are refused to the job alone, in its own words', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python', {limits: {...limits, openFilesMax: 1000}});
  const {end, log} = await runTask(
    engine,
    'files = []\nfor number in range(100000): files.append(open("file-%d" % number, "w"))',
  );
  t.is(end.outcome, 'failed');
  t.is(end.failure?.code, 41001);
  t.regex(end.failure?.message ?? '', /Too many open files: 'file-9\d\d'/);
  t.regex(log, /Too many open files/);
  // It keeps what it opened, as it keeps its names: with it there would be nothing left for the next job.
  t.regex(log, /left no file descriptor free/);
  t.regex(
    (await runTask(engine, 'print("goes on")', {taskID: 2})).log,
    /new Python interpreter[^]*goes on\n$/,
  );
  await runTask(engine, 'one = open("one", "w")', {taskID: 3});
  t.is((await runTask(engine, 'print(one.name)', {taskID: 4})).log, 'one\n');
});

test('100,000 result sets end at the limit, with those before it', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  const {end} = await runTask(engine, 'for number in range(100000): show(number)');
  t.is(end.outcome, 'failed');
  t.regex(end.failure?.message ?? '', /at most 10000 result sets/);
  t.is(end.resultCount, 10_000);
});

test('files that a job puts among its results are no more than files', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  const {end, results} = await runForResults(
    lab,
    engine,
    `import glob
place = glob.glob("../jobs/1-1/results")[0]
for number in range(20000, 20500): open("%s/_%d.dolphin" % (place, number), "w").close()
show("mine")`,
  );
  t.is(end.outcome, 'succeeded');
  t.is(results.length, 1);
});

test('an engine whose job writes to nobody is not in the way of another', async t => {
  const lab = await engineLab(t, {windowBytes: 256 * 1024});
  const [flood, calm] = [await lab.launch('shell'), await lab.launch('shell')];
  await flood.execute(taskOf('exec yes flood'));
  t.is((await runTask(calm, 'echo calm')).log, 'calm\n');
  flood.kill(1, 1, 0, 'killed');
  t.is((await followToEnd(flood, {keepsLog: false})).end.outcome, 'killed');
});
