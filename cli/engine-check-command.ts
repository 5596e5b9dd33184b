/**
 * `tenon engine-check`: runs the conformance suite over an engine program, in whatever language it is written. Needs no
 * node; see docs/engine-kit.md.
 */
import {existsSync, readFileSync} from 'node:fs';
import {basename, isAbsolute, join, resolve} from 'node:path';
import {Command} from 'commander';
import {systemClock} from '../actors/runtime/clock.ts';
import {engineChecks, runConformance, type CheckResult} from '../engines/conformance/conformance-suite.ts';
import {EngineProfileError} from '../engines/conformance/conformance-errors.ts';
import {codeKinds, parseEngineProfile, type EngineProfile} from '../engines/conformance/engine-profile.ts';
import {profileDirectory} from '../engines/conformance/profile-directory.ts';
import {resolvePython} from '../engines/python-interpreter.ts';
import {writeJson, type CommandWorld} from './client-command.ts';
import {UsageError} from './command-error.ts';
import {exitCodes, type ExitCode} from './exit-code.ts';
import {collectText, wholeNumber} from './key-value.ts';
import type {Terminal} from './terminal.ts';

type Options = {
  readonly profile?: string;
  readonly only: readonly string[];
  readonly env: readonly string[];
  readonly concurrency: number;
  readonly patience: number;
  readonly list?: boolean;
  readonly json?: boolean;
};

const profileBytesMax = 1_000_000;
/** What an engine gets of our environment besides what `--env` names: as a node's `governance.engineEnvironment`. */
const inherited = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ'];

export const engineCheckCommand = (world: CommandWorld): Command =>
  new Command('engine-check')
    .description('run the conformance suite over an engine program')
    .argument('[program...]', 'the program and its arguments, after --')
    .option('--profile <file>', 'what code makes the engine succeed, fail, print … ; or shell, python, jdbc')
    .option('--only <text>', 'only checks whose name holds this; repeatable', collectText, [])
    .option('--env <name>', 'an environment variable the program needs; repeatable', collectText, [])
    .option('--concurrency <count>', 'checks that run at a time', wholeNumber(1), 4)
    .option('--patience <seconds>', 'how long the engine may take for anything', wholeNumber(1), 10)
    .option('--list', 'show the checks and why they are there; run nothing')
    .option('--json', 'answer in JSON, for programs')
    .addHelpText('after', profileHelp())
    .action(async (program: readonly string[], options: Options) => {
      const {terminal, environment, finish} = world;
      const chosen = options.only.length === 0 ? engineChecks : engineChecks.filter(isChosen(options.only));
      if (chosen.length === 0) throw new UsageError(`No check has ${options.only.join(' or ')} in its name.`);
      if (options.list === true) {
        await list(terminal, options.json === true);
        return;
      }
      const command = commandOf(program);
      const profile = readProfile(options.profile);
      const allowed = environmentOf(environment, options.env);
      const interrupted = new AbortController();
      let code: ExitCode = exitCodes.ok;
      // Engines have a session of their own: the terminal's Ctrl-C does not reach them.
      const stopListening = terminal.onSignal(signal => {
        code = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
        interrupted.abort();
      });
      const results = await runConformance({
        command,
        profile,
        clock: systemClock,
        environment: allowed,
        pythonPath: await resolvePython('python3', allowed),
        patienceMs: options.patience * 1000,
        concurrency: options.concurrency,
        checks: chosen,
        signal: interrupted.signal,
        onResult: result => {
          if (options.json !== true) void terminal.write(lineOf(result));
        },
      });
      stopListening();
      await tell(terminal, results, options.json === true);
      const hasFailed = results.some(({outcome}) => outcome === 'failed');
      finish(code === exitCodes.ok && hasFailed ? exitCodes.failed : code);
    });

const isChosen =
  (texts: readonly string[]) =>
  ({name}: {readonly name: string}): boolean =>
    texts.some(text => name.includes(text));

function commandOf([program = '', ...options]: readonly string[]): readonly [string, ...string[]] {
  if (program === '')
    throw new UsageError('Say which program to check: tenon engine-check … -- PROGRAM ARGS…');
  return [fromHere(program), ...options.map(fromHere)];
}

/** An engine runs in a directory of its own, so names of files are meant from here. */
function fromHere(text: string): string {
  const isFile = text.includes('/') && !isAbsolute(text) && existsSync(text);
  return isFile ? resolve(text) : text;
}

function readProfile(given: string | undefined): EngineProfile {
  if (given === undefined) {
    throw new UsageError(
      'Say what code the engine takes: --profile FILE. See docs/engine-kit.md for what is in it.',
    );
  }
  const known = join(profileDirectory, `${basename(given)}.json`);
  const file = /^[a-z]+$/.test(given) && existsSync(known) ? known : given;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${given} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (text.length > profileBytesMax)
    throw new UsageError(`${given} has more than ${profileBytesMax} characters.`);
  try {
    return parseEngineProfile(text, given);
  } catch (error) {
    if (error instanceof EngineProfileError) throw new UsageError(error.message);
    throw error;
  }
}

function environmentOf(
  environment: CommandWorld['environment'],
  names: readonly string[],
): Readonly<Record<string, string>> {
  const allowed = [...inherited, ...names].flatMap(name => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', ...Object.fromEntries(allowed)};
}

async function list(terminal: Terminal, isJson: boolean): Promise<void> {
  const checks = engineChecks.map(({name, why, needs}) => ({name, why, needs}));
  if (isJson) await writeJson(terminal, {checks});
  else for (const {name, why} of checks) await terminal.write(`${name.padEnd(28)} ${why}\n`);
}

const words = {passed: 'pass', failed: 'FAIL', skipped: 'skip'} as const;

function lineOf({name, why, outcome, detail, tookMs}: CheckResult): string {
  const line = `${words[outcome]}  ${name.padEnd(28)} ${String(tookMs).padStart(6)} ms`;
  if (outcome === 'passed') return `${line}\n`;
  return outcome === 'skipped'
    ? `${line}  ${detail}\n`
    : `${line}\n      ${detail}\n      Why it matters: ${why}\n`;
}

async function tell(terminal: Terminal, results: readonly CheckResult[], isJson: boolean): Promise<void> {
  const count = (outcome: CheckResult['outcome']): number =>
    results.filter(result => result.outcome === outcome).length;
  const sums = {passed: count('passed'), failed: count('failed'), skipped: count('skipped')};
  if (isJson) await writeJson(terminal, {...sums, results});
  else await terminal.write(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped\n`);
}

function profileHelp(): string {
  const kinds = Object.entries(codeKinds).map(([kind, meaning]) => `  ${kind.padEnd(15)} ${meaning}`);
  return `\nA profile is {"engineType", "codeType"?, "runtimeParams"?, "code": {…}}; its code does what is said here.\nOnly succeed is needed; checks without their code are skipped.\n${kinds.join('\n')}`;
}
