/** Runs one command to its end, for tests of programs that people run. */
import {spawn} from 'node:child_process';

export type CommandResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type CommandOptions = {
  readonly cwd?: string;
  /** The whole environment; by default that of the tests. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Then SIGKILL, and `code` is null. */
  readonly timeoutMs?: number;
};

/** Rejects only when the program could not be started. */
export function run(
  program: string,
  args: readonly string[],
  {cwd, environment = process.env, input, timeoutMs = 240_000}: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: environment,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      ...(cwd === undefined ? {} : {cwd}),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', code => resolve({code, stdout, stderr}));
    child.stdin.end(input);
  });
}

/** The lines of `stdout` that are JSON objects. */
export const jsonLines = <Line>({stdout}: CommandResult): Line[] =>
  stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Line);
