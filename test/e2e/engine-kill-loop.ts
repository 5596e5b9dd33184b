/**
 * Kills the owning node with SIGKILL again and again while its engine writes 1,000,000 lines, and starts another one that
 * takes over. After each loop the log must have the hash of the lines, the job its end, and no process may be left.
 *
 *     node test/e2e/engine-kill-loop.ts [LOOPS=200] [SEED]
 *
 * Prints a line a loop and a summary; exits with 1 at the first difference, after naming the seed that repeats it.
 */
import {mkdtemp, readdir, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';
import {seededRandom, type Random} from '../../actors/runtime/random.ts';
import {markedProcesses, sweepProcesses} from '../../engines/process-sweep.ts';
import {sha256OfNumbers} from '../engines/numbered-lines.ts';
import {engineIn, startOwner, type KillableOwner} from '../engines/killable-owner.ts';

const lines = 1_000_000;
const killsMax = 3;
const loopTimeoutMs = 120_000;
const loops = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const random = seededRandom(seed);
const expected = sha256OfNumbers(lines);
const expectedBytes = 6_888_896;

/** At full speed, in parts with short breaks, or from Python: each leaves other traces in pipes and buffers. */
const jobs: readonly {readonly engineType: string; readonly code: string}[] = [
  {engineType: 'shell', code: `seq 1 ${lines}`},
  {
    engineType: 'shell',
    code: `at=1; while [ $at -lt ${lines} ]; do seq $at $((at + 49999)); at=$((at + 50000)); sleep 0.02; done`,
  },
  {engineType: 'python', code: `for n in range(1, ${lines + 1}): print(n)`},
];

type Outcome = {readonly kills: number; readonly mark: string; readonly problem?: string};

async function loop(directory: string, chance: Random): Promise<Outcome> {
  const {engineType, code} = jobs[Math.floor(chance.next() * jobs.length)] ?? {engineType: 'shell', code: ''};
  const kills = 1 + Math.floor(chance.next() * killsMax);
  const deadline = performance.now() + loopTimeoutMs;
  let mark = '';
  for (let kill = 1; kill <= kills; kill++) {
    const owner = startOwner(directory, engineType, code);
    const begun = await owner.next();
    if (begun?.event !== 'begun')
      return {kills: kill, mark, problem: `the owner said ${JSON.stringify(begun)}`};
    mark = (await engineIn(directory))?.mark ?? mark; // Somewhere in the rest of the log, so that every stage of the job is hit.
    await logReaches(directory, begun.bytes + chance.next() * (expectedBytes - begun.bytes) * 0.6, deadline);
    await owner.kill();
  }
  return {kills, mark, ...(await finish(startOwner(directory, engineType, code)))};
}

async function finish(owner: KillableOwner): Promise<{readonly problem?: string}> {
  try {
    for (let said = await owner.next(); said !== undefined; said = await owner.next()) {
      if (said.event === 'ended' && (said.sha256 !== expected || said.end.outcome !== 'succeeded')) {
        return {
          problem: `ended as ${said.end.outcome} with ${said.bytes} bytes, expected ${expectedBytes}, hash ${said.sha256}`,
        };
      }
      if (said.event === 'gone') return {};
    }
    return {problem: 'the last owner ended without the end of the job'};
  } finally {
    await owner.kill();
  }
}

async function logReaches(directory: string, bytes: number, deadline: number): Promise<void> {
  while (performance.now() < deadline) {
    const found = await stat(join(directory, 'log')).catch(() => undefined);
    if ((found?.size ?? 0) >= bytes) return;
    await wait(1);
  }
}

async function leftovers(directory: string, mark: string): Promise<string | undefined> {
  const processes = await markedProcesses(mark);
  if (processes.length > 0) return `processes are left: ${processes.join(', ')}`;
  const names = (await readdir(join(directory, 'engines'))).filter(name => name !== '.bytecode');
  return names.length > 0 ? `engines are left: ${names.join(', ')}` : undefined;
}

const started = performance.now();
let kills = 0;
for (let number = 1; number <= loops; number++) {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-loop-'));
  const began = performance.now();
  try {
    const outcome = await loop(directory, random);
    kills += outcome.kills;
    const problem = outcome.problem ?? (await leftovers(directory, outcome.mark));
    if (problem !== undefined) {
      console.error(`loop ${number} of ${loops}, seed ${seed}: ${problem}`);
      process.exitCode = 1;
      break;
    }
    console.log(
      `loop ${number}: ${outcome.kills} kills, equal hash, nothing left, ${Math.round(performance.now() - began)} ms`,
    );
  } finally {
    const left = await engineIn(directory);
    if (left !== undefined) await sweepProcesses(left.mark, left.cgroup);
    await rm(directory, {recursive: true, force: true, maxRetries: 10});
  }
}
if (process.exitCode === undefined) {
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(
    `${loops} loops, ${kills} kills, ${loops * lines} lines, every hash equal, no process left, ${seconds} s, seed ${seed}`,
  );
}
