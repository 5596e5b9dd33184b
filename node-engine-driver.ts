/** Engines as processes of this host, as the configuration wants them. */
import {mkdir} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Logger} from 'pino';
import type {LocalEngineDriver} from './actors/ecm-port.ts';
import {systemClock} from './actors/runtime/clock.ts';
import type {Config} from './config.ts';
import {findEnginePrograms, parseEnginePrograms} from './engines/engine-programs.ts';
import {ownEngineTypes} from './engines/own-engine-types.ts';
import {createEngineDriver} from './engines/process-driver.ts';
import {prepareIsolation} from './node-isolation.ts';

/**
 * The engine types that an entrance takes, whoever runs them: an ECM without that engine refuses it. So a program that some
 * node of a cluster offers is to be listed at its entrances too.
 */
export const knownEngineTypes = ({governance}: Pick<Config, 'governance'>): readonly string[] => [
  ...ownEngineTypes,
  ...Object.keys(parseEnginePrograms(governance.enginePrograms, ownEngineTypes).programs),
];

/** Rejects with `EngineSetupError` where engines can't run, `EngineIsolationError` where not as their users, `EngineProgramError` when a listed program is not there. */
export async function openEngines(
  config: Config,
  incarnation: string,
  log: Logger,
): Promise<LocalEngineDriver> {
  const {dataDirectory, runtimeDirectory, environment, governance, ecm} = config;
  const enginesDirectory = join(dataDirectory, 'engines');
  await mkdir(enginesDirectory, {recursive: true, mode: 0o700});
  const isolation = await prepareIsolation(config, log);
  const allowed = governance.engineEnvironment.flatMap(name => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const seen = {PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', ...Object.fromEntries(allowed)};
  const {programs} = parseEnginePrograms(governance.enginePrograms, ownEngineTypes);
  return createEngineDriver({
    enginesDirectory,
    socketDirectory: join(
      runtimeDirectory || tmpdir(),
      // Of another mode: a node without isolation would close it.
      `tenon-${process.getuid?.() ?? 0}${isolation === undefined ? '' : '-users'}`,
    ),
    ...(isolation === undefined ? {} : {isolation}),
    clock: systemClock,
    log,
    owner: incarnation,
    pythonPath: governance.pythonPath,
    environment: seen,
    killGraceMs: governance.killGraceMs,
    programs: await findEnginePrograms(programs, seen.PATH),
    measureEveryMs: ecm.measureEveryMs,
  });
}
