/** Engines as processes of this host, as the configuration wants them. */
import {mkdir} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Logger} from 'pino';
import type {LocalEngineDriver} from './actors/ecm-port.ts';
import {systemClock} from './actors/runtime/clock.ts';
import type {Config} from './config.ts';
import {createEngineDriver} from './engines/process-driver.ts';

/** Rejects with `EngineSetupError` where engines can't run. */
export async function openEngines(
  config: Config,
  incarnation: string,
  log: Logger,
): Promise<LocalEngineDriver> {
  const {dataDirectory, runtimeDirectory, environment, governance} = config;
  const enginesDirectory = join(dataDirectory, 'engines');
  await mkdir(enginesDirectory, {recursive: true, mode: 0o700});
  // Decision 44: nobody should learn this from an incident.
  log.info({user: process.getuid?.()}, 'jobs run as the user of this node, and can read its data directory');
  const allowed = governance.engineEnvironment.flatMap(name => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return createEngineDriver({
    enginesDirectory,
    socketDirectory: join(runtimeDirectory || tmpdir(), `tenon-${process.getuid?.() ?? 0}`),
    clock: systemClock,
    log,
    owner: incarnation,
    pythonPath: governance.pythonPath,
    environment: {PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', ...Object.fromEntries(allowed)},
    killGraceMs: governance.killGraceMs,
  });
}
