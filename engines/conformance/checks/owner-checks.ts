/** Sections 3 and 8 of the protocol: owners that come, go and succeed each other, and what an engine does without one. */
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {engineDirectory} from '../../engine-directory.ts';
import {must} from '../conformance-errors.ts';
import {audited, keyOf, spoolSize, type EngineCheck, type EngineTrial} from '../engine-trial.ts';
import type {TrialProcess} from '../trial-engine.ts';
import {beChallenged, proveFrame} from '../trial-wire.ts';

/** Short enough to wait for, long enough to tell from at once. */
const orphanMs = 1000;

async function refusalOf(trial: EngineTrial, engine: TrialProcess, epoch: number): Promise<string> {
  const wire = await trial.wire(engine);
  wire.send(
    proveFrame(await beChallenged(wire, engine.engineId), engine.secret, JSON.stringify({owner: 'x', epoch})),
  );
  return wire.refusal(`a claim with epoch ${epoch}`);
}

/** Waits for the engine's own end, with code 0 and no process left. Resolves to how long it took. */
async function untilGone(trial: EngineTrial, engine: TrialProcess): Promise<number> {
  const began = trial.patience.now();
  const {code, signal} = await trial.patience.within('the end of an engine without an owner', engine.exited);
  must(code === 0, `it ended with ${signal ?? `code ${code}`}, not with code 0`);
  const left = await engine.processes();
  must(left.length === 0, `it has ended, but left processes ${left.join(', ')}`);
  return trial.patience.now() - began;
}

export const ownerChecks: readonly EngineCheck[] = [
  {
    name: 'owner/attach-again',
    why: 'A node that was restarted finds its task as it stands.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('sleep', {seconds: 60}, {epoch: 3});
      await owner.request('execute', task);
      owner.cut();
      const {state} = await trial.attach(engine, {epoch: 3});
      const size = await spoolSize(engine, task);
      const expected = {taskID: 1, attempt: 1, epoch: 3, hasEnded: false, spoolSize: size};
      const given: Record<string, unknown> = {...Object(state['task'])};
      for (const [name, value] of Object.entries(expected)) {
        must(
          given[name] === value,
          `the welcome says ${name} ${JSON.stringify(given[name])} of the task, not ${value}`,
        );
      }
    },
  },
  {
    name: 'owner/ended-meanwhile',
    why: 'The end of a task waits for the next owner.',
    needs: ['lines'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('lines', {count: 100});
      await owner.request('execute', task);
      owner.cut();
      await trial.patience.until('the end in the spool', () =>
        audited(engine, task).then(
          () => true,
          () => undefined,
        ),
      );
      const next = await trial.attach(engine, {epoch: 2});
      const known: Record<string, unknown> = {...Object(next.state['task'])};
      must(known['hasEnded'] === true, 'the welcome does not say that the task has ended');
      const stream = await next.follow(task, 0);
      await trial.patience.within('the stream of a task that has ended', stream.ended);
      await next.request('confirm', keyOf(task));
    },
  },
  {
    name: 'owner/displaced',
    why: 'Of two nodes that believe they own a job, the later one does, and the earlier one is told.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      await owner.request('execute', trial.task('sleep', {seconds: 60}));
      const later = await trial.attach(engine, {owner: 'later', epoch: 2});
      const notice = await trial.patience.within('a notice to the owner before', owner.notice);
      must(notice === 'displaced', `the owner before got the notice ${notice}, not displaced`);
      await trial.patience.within('the end of the connection before', owner.closed);
      await later.request('kill', {taskID: 1, attempt: 1, graceMs: 0, why: 'killed'});
    },
  },
  {
    name: 'owner/stale-epoch',
    why: 'A node that was paused and wakes up must not take its job back.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('sleep', {seconds: 60}, {epoch: 5});
      await owner.request('execute', task);
      const first = await refusalOf(trial, engine, 4);
      must(first === 'staleEpoch', `epoch 4 after 5 was refused with ${first}, not staleEpoch`);
      await trial.attach(engine, {epoch: 7});
      const second = await refusalOf(trial, engine, 6);
      must(second === 'staleEpoch', `epoch 6 after 7 was refused with ${second}, not staleEpoch`);
    },
  },
  {
    name: 'owner/epoch-on-disk',
    why: 'Who reads the directory of a dead engine must know the highest epoch it obeyed.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      await owner.request('execute', trial.task('sleep', {seconds: 60}, {epoch: 1}));
      await trial.attach(engine, {epoch: 8});
      const path = join(engineDirectory(engine.path).jobDirectory(1, 1), 'epoch');
      const stored = await readFile(path, 'utf8').catch(() => '(none)');
      must(stored.trim() === '8', `the file epoch holds ${JSON.stringify(stored)}, not 8`);
    },
  },
  {
    name: 'orphan/idle',
    why: 'An engine that nobody owns must not stay for ever, nor leave before a restart is over.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached({orphanIdleMs: orphanMs});
      await trial.patience.wait(orphanMs * 1.5);
      must(await engine.isAlive(), 'the engine has gone though its owner was there');
      owner.cut();
      const tookMs = await untilGone(trial, engine);
      must(
        tookMs > orphanMs * 0.8,
        `the engine went ${Math.round(tookMs)} ms after its owner, not ${orphanMs}`,
      );
    },
  },
  {
    name: 'orphan/first-owner',
    why: 'Whoever launched it is on the way, and may need some seconds.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch({orphanIdleMs: 200});
      await trial.patience.wait(2000);
      must(await engine.isAlive(), 'the engine has gone 2 s after its launch, before anybody came');
      await trial.attach(engine);
    },
  },
  {
    name: 'orphan/returns',
    why: 'An owner that is back in time finds its engine, and stops the clock.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached({orphanIdleMs: orphanMs});
      owner.cut();
      await trial.patience.wait(orphanMs * 0.4);
      await trial.attach(engine);
      await trial.patience.wait(orphanMs * 1.5);
      must(await engine.isAlive(), 'the engine has gone though its owner was back');
    },
  },
  {
    name: 'orphan/busy',
    why: 'A job that nobody comes back for is ended, its end kept, and the engine goes.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached({
        orphanBusyMs: orphanMs,
        orphanIdleMs: 200,
        killGraceMs: 300,
      });
      const task = trial.task('sleep', {seconds: 60});
      await owner.request('execute', task);
      owner.cut();
      const tookMs = await untilGone(trial, engine);
      must(
        tookMs > orphanMs * 0.8,
        `the job was ended ${Math.round(tookMs)} ms after its owner went, not ${orphanMs}`,
      );
      const {end} = await audited(engine, task);
      must(end.outcome === 'timedOut', `the job that nobody came back for ended as ${end.outcome}`);
    },
  },
  {
    name: 'orphan/finishes',
    why: 'A job goes on without its node; its end waits in the spool, also when the engine has gone.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached({orphanIdleMs: orphanMs});
      const task = trial.task('sleep', {seconds: 1});
      await owner.request('execute', task);
      owner.cut();
      await untilGone(trial, engine);
      const {end} = await audited(engine, task);
      must(end.outcome === 'succeeded', `a job that went on without its node ended as ${end.outcome}`);
    },
  },
];
