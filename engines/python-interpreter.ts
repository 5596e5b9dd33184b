/** Finds the real Python executable, once: a version manager's shim costs 100 ms at every start (decision 34). */
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {EngineSetupError} from './engine-errors.ts';

const run = promisify(execFile);
const timeoutMs = 20_000;

// `sys.executable`, not its real path: the latter would lead out of a virtual environment.
const question = 'import sys; print(sys.executable); print("%d.%d" % sys.version_info[:2])';

/** Rejects with `EngineSetupError` when there is none, or it is older than 3.8. */
export async function resolvePython(
  command: string,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  let answer: string;
  try {
    ({stdout: answer} = await run(command, ['-c', question], {env: environment, timeout: timeoutMs}));
  } catch (cause) {
    throw new EngineSetupError(
      `Engines need Python 3.8 or newer, and ${command} could not be run. Install it, or name another with the python option.`,
      {cause},
    );
  }
  const [executable = '', version = ''] = answer.trim().split('\n');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major !== 3 || minor < 8) {
    throw new EngineSetupError(
      `Engines need Python 3.8 or newer; ${command} is ${version}. Name another with the python option.`,
    );
  }
  return executable === '' ? command : executable;
}
