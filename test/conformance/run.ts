/** The conformance suite as tests use it: which engines it is run on, and how. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {runConformance, type CheckResult} from '../../engines/conformance/conformance-suite.ts';
import {parseEngineProfile, type EngineProfile} from '../../engines/conformance/engine-profile.ts';
import type {EngineCheck} from '../../engines/conformance/engine-trial.ts';
import {resolvePython} from '../../engines/python-interpreter.ts';
import {projectRoot} from '../support/source-tree.ts';
import {environment} from '../engines/launches.ts';

type Command = readonly [string, ...string[]];

export const pythonPath = await resolvePython('python3', environment);

export const inProject = (path: string): string => join(projectRoot, path);

export const hostCommand: Command = [pythonPath, '-I', '-S', inProject('engines/host/host.py')];

export const profileOf = (path: string): EngineProfile =>
  parseEngineProfile(readFileSync(inProject(path), 'utf8'), path);

export const check = (
  command: Command,
  profile: EngineProfile,
  options: {readonly checks?: readonly EngineCheck[]; readonly patienceMs?: number} = {},
): Promise<readonly CheckResult[]> =>
  runConformance({command, profile, clock: systemClock, environment, pythonPath, concurrency: 3, ...options});

/** Every check that the profile has code for passes; `skipped` are the names of the others. */
export const conforms = test.macro<[Command, string, readonly string[]]>({
  async exec(t, command, path, skipped) {
    t.timeout(180_000);
    const results = await check(command, profileOf(path));
    const failed = results.filter(({outcome}) => outcome === 'failed');
    t.is(failed.map(({name, detail}) => `${name}: ${detail}`).join('\n'), '');
    t.deepEqual(
      results.filter(({outcome}) => outcome === 'skipped').map(({name}) => name),
      skipped,
    );
  },
  title: title => `${title} keeps the engine protocol`,
});
