/** Section 2 and 7 of the protocol: the limits of the configuration line, which a job may not go beyond. */
import {must} from '../conformance-errors.ts';
import type {CodeKind} from '../engine-profile.ts';
import type {EngineCheck, EngineTrial} from '../engine-trial.ts';

const limits = {memoryBytesMax: 2 ** 31, processesMax: 200, diskBytesMax: 2 ** 31, openFilesMax: 1024};

/** A job that goes beyond a limit fails with its code, and its message has the limit's value. */
async function mustBreak(
  trial: EngineTrial,
  kind: CodeKind,
  values: {readonly count?: number; readonly bytes?: number},
  limit: Readonly<Partial<typeof limits>>,
  code: number,
): Promise<void> {
  const {engine, owner} = await trial.attached({limits: {...limits, ...limit}});
  const {end} = await trial.run(engine, owner, trial.task(kind, values));
  must(end.outcome === 'failed', `a job beyond its limit ended as ${end.outcome}`);
  must(end.failure?.code === code, `its failure has the code ${end.failure?.code}, not ${code}`);
  const left = (await engine.processes()).length;
  must(left <= 2, `the job has ended, but ${left} processes carry the engine's mark`);
}

export const limitChecks: readonly EngineCheck[] = [
  {
    name: 'limits/processes',
    why: 'A fork bomb must stay the problem of its own engine.',
    needs: ['processes'],
    run: trial => mustBreak(trial, 'processes', {count: 40}, {processesMax: 20}, 50211),
  },
  {
    name: 'limits/memory',
    why: 'A job that takes all memory would take its neighbours along.',
    needs: ['memory'],
    run: trial => mustBreak(trial, 'memory', {bytes: 300_000_000}, {memoryBytesMax: 150_000_000}, 50210),
  },
];
