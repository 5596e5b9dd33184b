/** Runs the client commands in this process against a stand-in, logged in as `hadoop`. */
import {runCommand} from '../../cli/program.ts';
import {captureTerminal, type CaptureTerminal} from './capture-terminal.ts';
import {password} from './facade-stand-in.ts';

export type ClientRun = {readonly code: number; readonly stdout: string; readonly stderr: string};

export const clientEnvironment = (url: string): Readonly<Record<string, string>> => ({
  TENON_URL: url,
  TENON_USER: 'hadoop',
  TENON_PASSWORD: password,
});

export async function runClient(
  url: string,
  argv: readonly string[],
  {
    terminal = captureTerminal(),
    environment = clientEnvironment(url),
  }: {
    readonly terminal?: CaptureTerminal;
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<ClientRun> {
  const code = await runCommand(argv, terminal, environment);
  return {code, stdout: terminal.stdout(), stderr: terminal.stderr()};
}
