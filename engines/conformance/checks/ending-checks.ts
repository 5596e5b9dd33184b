/** Section 7 of the protocol: kill, time-out, shutdown. When an end is in the spool, nothing of the job is left. */
import {access} from 'node:fs/promises';
import {must} from '../conformance-errors.ts';
import {
  audited,
  keyOf,
  spoolSize,
  type EngineCheck,
  type EngineTrial,
  type TaskFields,
} from '../engine-trial.ts';
import type {TrialEnd} from '../spool-audit.ts';
import {startTimeOf} from '../../process-identity.ts';
import type {TrialProcess} from '../trial-engine.ts';
import type {TrialOwner} from '../trial-owner.ts';

const killedCode = 50215;
const timedOutCode = 50214;
/** A long grace: an engine that ends sooner has not waited for it. */
const longGraceMs = 60_000;
const shortGraceMs = 700;
/** A job gets so long to start what it starts. */
const settleMs = 400;

type Ended = {readonly end: TrialEnd; readonly tookMs: number};

/** Executes, lets the job begin, and has it killed; checks that what came with it is gone when the end is recorded. */
async function kill(
  trial: EngineTrial,
  engine: TrialProcess,
  owner: TrialOwner,
  task: TaskFields,
  graceMs: number,
  why = 'killed',
): Promise<Ended> {
  const before = new Set(await engine.processes());
  await owner.request('execute', task);
  await trial.patience.wait(settleMs);
  const during = (await engine.processes()).filter(pid => !before.has(pid));
  const stream = await owner.follow(task, 0);
  const limitMs = Math.min(graceMs, trial.patience.ms) + trial.patience.ms;
  const began = trial.patience.now();
  await owner.request('kill', {...keyOf(task), graceMs, why});
  await trial.patience.within('the end of a killed job', stream.ended, limitMs);
  const tookMs = trial.patience.now() - began;
  await mustBeGone(during);
  return {end: (await audited(engine, task)).end, tookMs};
}

async function mustBeGone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    must(
      (await startTimeOf(pid)) === undefined,
      `the end is in the spool, but process ${pid} of the job lives`,
    );
  }
}

/**
 * The engine has gone, and nothing of it is left. It says so by code 0, unless it had to take a job along that can't be ended
 * without its process.
 */
async function mustLeave(trial: EngineTrial, engine: TrialProcess, isClean = true): Promise<void> {
  const {code, signal} = await trial.patience.within('the end of the engine', engine.exited);
  must(code === 0 || !isClean, `the engine ended with ${signal ?? `code ${code}`}, not with code 0`);
  const left = await engine.processes();
  must(left.length === 0, `the engine has ended, but left processes ${left.join(', ')}`);
}

export const endingChecks: readonly EngineCheck[] = [
  {
    name: 'kill/term',
    why: 'A job that ends at TERM need not wait for KILL.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {end} = await kill(trial, engine, owner, trial.task('sleep', {seconds: 60}), longGraceMs);
      must(end.outcome === 'killed', `a killed job ended as ${end.outcome}`);
      must(
        end.failure?.code === killedCode,
        `its failure has the code ${end.failure?.code}, not ${killedCode}`,
      );
    },
  },
  {
    name: 'kill/grace',
    why: 'A job gets its grace to clean up, and not a moment longer than it takes to kill it.',
    needs: ['stubborn'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {end, tookMs} = await kill(
        trial,
        engine,
        owner,
        trial.task('stubborn', {seconds: 60}),
        shortGraceMs,
      );
      must(end.outcome === 'killed', `a killed job ended as ${end.outcome}`);
      must(
        tookMs > shortGraceMs * 0.9,
        `a job that ignores TERM was killed after ${Math.round(tookMs)} ms of ${shortGraceMs}`,
      );
    },
  },
  {
    name: 'kill/at-once',
    why: 'A grace of 0 means now.',
    needs: ['stubborn'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {end, tookMs} = await kill(trial, engine, owner, trial.task('stubborn', {seconds: 60}), 0);
      must(end.outcome === 'killed', `a killed job ended as ${end.outcome}`);
      must(tookMs < trial.patience.ms / 2, `without a grace it took ${Math.round(tookMs)} ms`);
    },
  },
  {
    name: 'kill/timed-out',
    why: 'The owner’s own time-out must not look like somebody’s kill.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {end} = await kill(trial, engine, owner, trial.task('sleep', {seconds: 60}), 0, 'timedOut');
      must(end.outcome === 'timedOut', `a job that was killed for its time ended as ${end.outcome}`);
    },
  },
  {
    name: 'kill/next-task',
    why: 'An engine that says it can be used again can.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('sleep', {seconds: 60});
      const killed = await kill(trial, engine, owner, task, 0);
      // One that can't be used again may be on its way out.
      if (!killed.end.engineIsReusable) return;
      await owner.request('confirm', keyOf(task));
      const {end} = await trial.run(engine, owner, trial.task('succeed', {}, {taskID: 2}));
      must(end.outcome === 'succeeded', `the job after it is ${end.outcome}: ${end.failure?.message ?? ''}`);
    },
  },
  {
    name: 'kill/gone',
    why: 'Killing what is gone already is done: a kill is repeated until it is answered.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      await owner.request('kill', {taskID: 99, attempt: 1, graceMs: 0, why: 'killed'});
      const task = trial.task('succeed');
      const {end} = await trial.run(engine, owner, task);
      const size = await spoolSize(engine, task);
      await owner.request('kill', {...keyOf(task), graceMs: 0, why: 'killed'});
      await trial.patience.wait(200);
      must((await spoolSize(engine, task)) === size, 'a kill after the end has changed the spool');
      must(end.outcome === 'succeeded', `the job ended as ${end.outcome}`);
    },
  },
  {
    name: 'kill/bad-request',
    why: 'A grace that is no number must not become none.',
    needs: ['sleep'],
    async run(trial) {
      const {owner} = await trial.attached();
      const task = trial.task('sleep', {seconds: 60});
      await owner.request('execute', task);
      const code = await owner.refusal('kill', {...keyOf(task), graceMs: 'soon', why: 'killed'});
      must(code === 'badRequest', `a kill with the grace "soon" was refused with ${code}, not badRequest`);
    },
  },
  {
    name: 'kill/escaped',
    why: 'A process that left the session of its job still belongs to it.',
    needs: ['leave'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      // What an engine keeps between jobs, such as an interpreter, is there after the first.
      await trial.run(engine, owner, trial.task('succeed'));
      await owner.request('confirm', {taskID: 1, attempt: 1});
      const first = trial.task('succeed', {}, {taskID: 2});
      await trial.run(engine, owner, first);
      const before = new Set(await engine.processes());
      await owner.request('confirm', keyOf(first));
      const leave = trial.task('leave', {seconds: 60}, {taskID: 3});
      const {end} = await trial.run(engine, owner, leave);
      const left = (await engine.processes()).filter(pid => !before.has(pid));
      must(left.length === 0, `the job ended as ${end.outcome}, but left processes ${left.join(', ')}`);
      await owner.request('confirm', keyOf(leave));
    },
  },
  {
    name: 'timeout/running',
    why: 'A job’s running timeout holds without its owner, who may be away.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {end, tookMs} = await trial.run(
        engine,
        owner,
        trial.task('sleep', {seconds: 60}, {runningTimeoutMs: shortGraceMs}),
      );
      must(end.outcome === 'timedOut', `a job that ran too long ended as ${end.outcome}`);
      must(
        end.failure?.code === timedOutCode,
        `its failure has the code ${end.failure?.code}, not ${timedOutCode}`,
      );
      must(tookMs > shortGraceMs * 0.9, `it was ended after ${Math.round(tookMs)} ms of ${shortGraceMs}`);
    },
  },
  {
    name: 'shutdown/idle',
    why: 'An engine that is no longer needed leaves no process and no socket behind.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      await trial.run(engine, owner, trial.task('succeed'));
      await owner.request('confirm', {taskID: 1, attempt: 1});
      await owner.request('shutdown', {graceMs: 0});
      await mustLeave(trial, engine);
      const isThere = await access(engine.socketPath).then(
        () => true,
        () => false,
      );
      must(!isThere, 'the socket is still there');
    },
  },
  {
    name: 'shutdown/busy',
    why: 'A job that is ended with its engine has an end in the spool, for whoever owns it next.',
    needs: ['stubborn'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('stubborn', {seconds: 60});
      await owner.request('execute', task);
      await trial.patience.wait(settleMs);
      await owner.request('shutdown', {graceMs: 200});
      await mustLeave(trial, engine, false);
      const {end} = await audited(engine, task);
      must(end.outcome === 'killed', `the job of an engine that was shut down ended as ${end.outcome}`);
    },
  },
  {
    name: 'shutdown/term',
    why: 'SIGTERM is how the system asks; it means the same as the request.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached({killGraceMs: 300});
      const task = trial.task('sleep', {seconds: 60});
      await owner.request('execute', task);
      engine.child.kill('SIGTERM');
      await mustLeave(trial, engine);
      const {end} = await audited(engine, task);
      must(end.outcome === 'killed', `the job of an engine that got SIGTERM ended as ${end.outcome}`);
    },
  },
];
