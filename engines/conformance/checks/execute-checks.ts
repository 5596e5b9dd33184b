/** Section 4 of the protocol: requests, and what they promise once they are answered. */
import {encodeFrame, frameType} from '../../engine-frame.ts';
import {must} from '../conformance-errors.ts';
import {hasJobDirectory, keyOf, spoolSize, type EngineCheck} from '../engine-trial.ts';
import {userLines} from '../spool-audit.ts';

export const executeChecks: readonly EngineCheck[] = [
  {
    name: 'execute/succeeds',
    why: 'A job that runs well ends as succeeded, and its engine can take the next one.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {end} = await trial.run(engine, owner, trial.task('succeed'));
      must(end.outcome === 'succeeded', `the job is ${end.outcome}: ${end.failure?.message ?? ''}`);
      must(end.engineIsReusable, 'after a job that went well the engine says that it is not reusable');
    },
  },
  {
    name: 'execute/fails',
    why: 'Failed code must never look like success; its message is what the user gets to read.',
    needs: ['fail'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {end} = await trial.run(engine, owner, trial.task('fail'));
      must(end.outcome === 'failed', `code that fails ended as ${end.outcome}`);
    },
  },
  {
    name: 'execute/stored-first',
    why: 'Who hears that a task was accepted relies on finding it in the spool, whatever happens next.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('sleep', {seconds: 60});
      await owner.request('execute', task);
      must((await spoolSize(engine, task)) > 0, 'the task is accepted, but has no spool');
    },
  },
  {
    name: 'execute/idempotent',
    why: 'An owner whose answer was lost asks again; the code must not run twice.',
    needs: ['lines'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('lines', {count: 3});
      await owner.request('execute', task);
      await owner.request('execute', task);
      const {spool} = await trial.run(engine, owner, task);
      const log = userLines(spool.log);
      must(log === '1\n2\n3\n', `a task that was handed over three times printed ${JSON.stringify(log)}`);
    },
  },
  {
    name: 'execute/busy',
    why: 'Two jobs at a time would mix their processes and their logs.',
    needs: ['sleep'],
    async run(trial) {
      const {owner} = await trial.attached();
      await owner.request('execute', trial.task('sleep', {seconds: 60}));
      const code = await owner.refusal('execute', trial.task('succeed', {}, {taskID: 2}));
      must(code === 'busy', `a second task was refused with ${code}, not busy`);
    },
  },
  {
    name: 'execute/busy-until-confirmed',
    why: 'The end of a task stays until its owner has it.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      await trial.run(engine, owner, trial.task('succeed'));
      const code = await owner.refusal('execute', trial.task('succeed', {}, {taskID: 2}));
      must(code === 'busy', `a task before the confirmation of the last was refused with ${code}, not busy`);
    },
  },
  {
    name: 'execute/stale-epoch',
    why: 'Who was succeeded must not hand over anything.',
    needs: [],
    async run(trial) {
      const {owner} = await trial.attached();
      await owner.request('execute', trial.task('succeed', {}, {epoch: 5}));
      const code = await owner.refusal('execute', trial.task('succeed', {}, {epoch: 4}));
      must(code === 'staleEpoch', `the task with a lower epoch was refused with ${code}, not staleEpoch`);
    },
  },
  {
    name: 'execute/bad-task',
    why: 'A request that makes no sense is refused, and costs nobody the connection.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const good = trial.task('succeed');
      const bad: readonly Readonly<Record<string, unknown>>[] = [
        {...good, taskID: -1},
        {...good, taskID: 'one'},
        {...good, code: 7},
        {...good, environment: {A: 7}},
        {...good, environment: {'A=B': 'c'}},
        {...good, runningTimeoutMs: -5},
      ];
      for (const task of bad) {
        const code = await owner.refusal('execute', task);
        must(code === 'badTask', `${JSON.stringify(task)} was refused with ${code}, not badTask`);
      }
      await trial.run(engine, owner, good);
    },
  },
  {
    name: 'execute/large-request',
    why: 'Code may be long: an attached owner’s frames have up to 32 MiB.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const environment = {PADDING: 'x'.repeat(100_000)};
      const later = 'y'.repeat(2_000_000);
      await owner.request('execute', {...trial.task('succeed', {}, {environment}), later});
      await trial.run(engine, owner, trial.task('succeed', {}, {environment}));
    },
  },
  {
    name: 'execute/next-task',
    why: 'An engine is used for many jobs, each with a spool of its own.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      for (const taskID of [1, 2, 3]) {
        const {end} = await trial.run(engine, owner, trial.task('succeed', {}, {taskID}));
        must(end.outcome === 'succeeded', `task ${taskID} is ${end.outcome}: ${end.failure?.message ?? ''}`);
        await owner.request('confirm', {taskID, attempt: 1});
      }
    },
  },
  {
    name: 'request/unknown',
    why: 'A later node may ask for more than this version knows; it needs an answer to find out.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      await owner.refusal('dance', {});
      await trial.run(engine, owner, trial.task('succeed'));
    },
  },
  {
    name: 'request/no-json',
    why: 'What can’t be understood ends the connection, with a word why.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      owner.send(encodeFrame(frameType.request, Buffer.from('{"id":1,')));
      const code = await trial.patience.within('a refusal of half a request', owner.closed);
      must(code === 'badFrame', `half a request was refused with "${code}", not badFrame`);
      await trial.attach(engine);
    },
  },
  {
    name: 'request/oversized-frame',
    why: 'Not even an owner may fill the engine’s memory.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      owner.send(Buffer.from('0200000110', 'hex'));
      const code = await trial.patience.within('a refusal of a frame of 32 MiB and a byte', owner.closed);
      must(code === 'frameTooLong', `a frame beyond 32 MiB was refused with "${code}", not frameTooLong`);
      await trial.attach(engine);
    },
  },
  {
    name: 'confirm/removes',
    why: 'Spools that stay fill the disk; a confirmation that is repeated has already been obeyed.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('succeed');
      await trial.run(engine, owner, task);
      await owner.request('confirm', keyOf(task));
      must(!(await hasJobDirectory(engine, task)), 'the directory of a confirmed task is still there');
      await owner.request('confirm', keyOf(task));
      const {state} = await trial.attach(engine, {epoch: 0});
      must(
        state['task'] === null,
        `after the confirmation the welcome has task ${JSON.stringify(state['task'])}`,
      );
    },
  },
  {
    name: 'confirm/not-ended',
    why: 'Only an end can be confirmed; the spool of a running task is all there is of it.',
    needs: ['sleep'],
    async run(trial) {
      const {owner} = await trial.attached();
      const task = trial.task('sleep', {seconds: 60});
      await owner.request('execute', task);
      const code = await owner.refusal('confirm', keyOf(task));
      must(code === 'notEnded', `the confirmation of a running task was refused with ${code}, not notEnded`);
    },
  },
];
