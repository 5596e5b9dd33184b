/** Sections 4 and 5 of the protocol: the spool, its ranges over the socket, and the pace. */
import {readFile} from 'node:fs/promises';
import {must} from '../conformance-errors.ts';
import {numbersTo} from '../engine-profile.ts';
import {
  audited,
  keyOf,
  spoolPath,
  spoolSize,
  type EngineCheck,
  type EngineTrial,
  type TaskFields,
} from '../engine-trial.ts';
import {userLines} from '../spool-audit.ts';
import {recordType} from '../../spool-record.ts';
import type {TrialProcess} from '../trial-engine.ts';

/** Prints some 3 MB: more than any buffer on the way holds. */
const manyLines = 450_000;
const lookMs = 300;
/** What pipes and a last piece of output may add to a limit before the job stands still. */
const toleranceBytes = 1024 * 1024;

/** Resolves to the size, beyond half of `limitBytes`, at which a spool stands still. */
async function standstill(
  {patience}: EngineTrial,
  engine: TrialProcess,
  task: TaskFields,
  limitBytes: number,
): Promise<number> {
  let before = -1;
  return patience.until(`a spool of more than ${limitBytes / 2} bytes that stands still`, async () => {
    const size = await spoolSize(engine, task);
    if (size > limitBytes / 2 && size === before) return size;
    before = size;
    await patience.wait(lookMs);
    return undefined;
  });
}

function mustBeNumbers(log: string, count: number): void {
  const lines = userLines(log);
  if (lines === numbersTo(count)) return;
  const found = lines.split('\n');
  const at = found.findIndex((line, index) => line !== String(index + 1));
  must(false, `of ${count} lines, ${found.length - 1} came; line ${at + 1} is ${JSON.stringify(found[at])}`);
}

export const streamChecks: readonly EngineCheck[] = [
  {
    name: 'follow/whole',
    why: 'What comes over the socket is the spool, byte for byte.',
    needs: ['lines'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('lines', {count: 20_000});
      const {spool, stream} = await trial.run(engine, owner, task);
      mustBeNumbers(spool.log, 20_000);
      const stored = await readFile(spoolPath(engine, task));
      must(stream.bytes().equals(stored), `${stream.bytes().length} bytes were sent that are not the spool`);
    },
  },
  {
    name: 'follow/from-offset',
    why: 'A new owner goes on where the last one had got to, at any record.',
    needs: ['lines'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('lines', {count: 2000});
      const {spool} = await trial.run(engine, owner, task);
      const stored = await readFile(spoolPath(engine, task));
      for (const {offset} of spool.records.slice(0, 5)) {
        if (offset === stored.length) continue;
        const stream = await owner.follow(task, offset);
        await trial.patience.within(`the rest of the spool from ${offset} on`, stream.ended);
        must(
          stream.bytes().equals(stored.subarray(offset)),
          `from ${offset} on other bytes came than the spool has`,
        );
      }
    },
  },
  {
    name: 'follow/refusals',
    why: 'An offset that is not in the spool would leave a hole in the log.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('succeed');
      await trial.run(engine, owner, task);
      const beyond = await owner.refusal('follow', {...keyOf(task), from: 100_000_000});
      must(beyond === 'badOffset', `an offset beyond the spool was refused with ${beyond}, not badOffset`);
      const unknown = await owner.refusal('follow', {taskID: 99, attempt: 1, from: 0});
      must(unknown === 'noSuchTask', `a task it never had was refused with ${unknown}, not noSuchTask`);
      const attempt = await owner.refusal('follow', {taskID: 1, attempt: 2, from: 0});
      must(attempt === 'noSuchTask', `another attempt was refused with ${attempt}, not noSuchTask`);
    },
  },
  {
    name: 'follow/bad-ack',
    why: 'An owner that acknowledges what was never sent has lost count.',
    needs: [],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const {stream} = await trial.run(engine, owner, trial.task('succeed'));
      stream.acknowledge(100_000_000);
      const code = await trial.patience.within('a refusal of an acknowledgement', owner.closed);
      must(
        code === 'badAck',
        `an acknowledgement beyond what was sent was refused with "${code}", not badAck`,
      );
    },
  },
  {
    name: 'follow/resume',
    why: 'Connections are lost; not a byte of the log may be, or come twice.',
    needs: ['lines'],
    async run(trial) {
      const {engine, owner: first} = await trial.attached({windowBytes: 64 * 1024});
      const task = trial.task('lines', {count: manyLines});
      await first.request('execute', task);
      const parts: Buffer[] = [];
      let owner = first;
      let offset = 0;
      let stream = await owner.follow(task, offset);
      for (let round = 0; round < 4; round++) {
        const {records} = stream;
        await trial.patience.until('a record', () => records().length > 0);
        // A quick job may have come whole by now: what it printed while nobody followed is few large records.
        if (records().at(-1)?.type === recordType.ended) break;
        owner.cut();
        const reached = stream.records().at(-1)?.offset ?? offset;
        parts.push(stream.bytes().subarray(0, reached - offset));
        offset = reached;
        owner = await trial.attach(engine);
        stream = await owner.follow(task, offset);
      }
      await trial.patience.within('the end of the task', stream.ended);
      const {spool} = await audited(engine, task);
      mustBeNumbers(spool.log, manyLines);
      const stored = await readFile(spoolPath(engine, task));
      must(Buffer.concat([...parts, stream.bytes()]).equals(stored), 'the pieces do not make up the spool');
    },
  },
  {
    name: 'pace/window',
    why: 'A slow owner slows the job down: nothing is dropped, nothing piles up in memory or on disk.',
    needs: ['lines'],
    async run(trial) {
      const windowBytes = 128 * 1024;
      // Before it is followed, a quick job may go as far as without an owner.
      const {engine, owner} = await trial.attached({windowBytes, unattendedBytesMax: windowBytes});
      const task = trial.task('lines', {count: manyLines});
      await owner.request('execute', task);
      const stream = await owner.follow(task, 0, {acknowledges: false});
      const size = await standstill(trial, engine, task, windowBytes);
      must(
        size < windowBytes + toleranceBytes,
        `with a window of ${windowBytes} bytes ${size} are in the spool`,
      );
      const sent = stream.bytes().length;
      const first = stream.records()[0]?.offset ?? 0;
      must(
        sent <= Math.max(windowBytes, first),
        `${sent} bytes were sent ahead, the window has ${windowBytes}`,
      );
      stream.catchUp();
      await trial.patience.within('the end of a job that had to wait', stream.ended);
      mustBeNumbers((await audited(engine, task)).spool.log, manyLines);
    },
  },
  {
    name: 'pace/long-record',
    why: 'A record longer than the window is sent to its end, or it could never be acknowledged.',
    needs: ['lines'],
    async run(trial) {
      const {engine, owner} = await trial.attached({windowBytes: 16});
      const {spool} = await trial.run(engine, owner, trial.task('lines', {count: 50}));
      mustBeNumbers(spool.log, 50);
    },
  },
  {
    name: 'pace/unattended',
    why: 'Without an owner a job goes on, but may not fill the disk; it waits for the next owner.',
    needs: ['lines'],
    async run(trial) {
      const unattendedBytesMax = 256 * 1024;
      const {engine, owner} = await trial.attached({unattendedBytesMax});
      const task = trial.task('lines', {count: manyLines});
      await owner.request('execute', task);
      owner.cut();
      const size = await standstill(trial, engine, task, unattendedBytesMax);
      must(size < unattendedBytesMax + toleranceBytes, `unattended, ${size} bytes are in the spool`);
      const stream = await (await trial.attach(engine)).follow(task, 0);
      await trial.patience.within('the end of a job that had to wait', stream.ended);
      mustBeNumbers((await audited(engine, task)).spool.log, manyLines);
    },
  },
  {
    name: 'spool/append-only',
    why: 'What an owner has read is never written again.',
    needs: ['sleep'],
    async run(trial) {
      const {engine, owner} = await trial.attached();
      const task = trial.task('sleep', {seconds: 60});
      await owner.request('execute', task);
      const before = await readFile(spoolPath(engine, task));
      await owner.request('kill', {...keyOf(task), graceMs: 100, why: 'killed'});
      const stream = await owner.follow(task, 0);
      await trial.patience.within('the end of a killed job', stream.ended);
      const after = await readFile(spoolPath(engine, task));
      must(after.subarray(0, before.length).equals(before), 'the beginning of the spool has changed');
    },
  },
];
