/**
 * What the command does with its arguments. Loaded by `tenon.ts` once the Node that runs is known to be new enough. Each
 * group of commands is loaded when it is called: a look at one job needs neither the node nor the database.
 */
import {readFileSync} from 'node:fs';
import {findPackageJSON} from 'node:module';
import {LinkisError} from '../actors/domain/errors.ts';
import type {CommandWorld} from './client-command.ts';
import {BrokenPipeError, CommandError} from './command-error.ts';
import {exitCodeHelp, exitCodes, type ExitCode} from './exit-code.ts';
import {processTerminal, type Terminal} from './terminal.ts';

type Environment = CommandWorld['environment'];

/** Runs the command and leaves its exit code in `process.exitCode`, so that output is not cut off. */
export async function run(argv: readonly string[]): Promise<void> {
  process.exitCode = await runCommand(argv, processTerminal(), process.env);
}

/** Resolves to the exit code; never rejects. */
export async function runCommand(
  argv: readonly string[],
  terminal: Terminal,
  environment: Environment,
): Promise<number> {
  try {
    if (argv[0] === 'start') {
      const {startCommand} = await import('./start-command.ts');
      await startCommand(argv.slice(1), terminal);
      return exitCodes.ok;
    }
    return await runParsed(argv, terminal, environment);
  } catch (error) {
    return tellFailure(error, terminal);
  }
}

async function runParsed(
  argv: readonly string[],
  terminal: Terminal,
  environment: Environment,
): Promise<number> {
  const {Command, CommanderError} = await import('commander');
  let code: ExitCode = exitCodes.ok;
  const world: CommandWorld = {
    terminal,
    environment,
    finish(finished) {
      code = finished;
    },
  };
  const texts: string[] = [];
  const program = new Command('tenon')
    .description('Computation governance: submit scripts, follow them, read their results.')
    .version(version())
    .addHelpText('after', exitCodeHelp);
  program.command('start', {hidden: false}).description('run a node; see tenon start --help');
  for (const command of await clientCommands(world)) program.addCommand(command);
  const user = program.command('user').description('who may log in: add, list, password, remove');
  const token = program
    .command('token')
    .description('what programs show instead of a password: add, list, revoke');
  if (argv[0] === 'backup') program.addCommand((await import('./backup-command.ts')).backupCommand(world));
  else
    program
      .command('backup')
      .description('copy the embedded database into a new file; the node may be running');
  if (argv[0] === 'engine-check')
    program.addCommand((await import('./engine-check-command.ts')).engineCheckCommand(world));
  else program.command('engine-check').description('run the conformance suite over an engine program');
  if (argv[0] === 'engines') program.addCommand((await import('./engines-command.ts')).enginesCommand(world));
  else program.command('engines').description('engines and their hosts: list, kill, log, ecms');
  if (argv[0] === 'audit') program.addCommand((await import('./audit-command.ts')).auditCommand(world));
  else program.command('audit').description('who changed what: list, verify; administrators only');
  if (argv[0] === 'user') (await import('./user-command.ts')).userCommand(world, user);
  if (argv[0] === 'token') (await import('./token-command.ts')).tokenCommand(world, token);
  const archive = program.command('archive').description('jobs that retention has kept in files: list, show');
  if (argv[0] === 'archive') (await import('./archive-command.ts')).archiveCommand(world, archive);
  prepare(program, texts);
  try {
    await program.parseAsync([...argv], {from: 'user'});
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isAnswer = error.exitCode === 0;
    if (isAnswer) await terminal.write(texts.join(''));
    else terminal.note(texts.join('').trimEnd());
    return isAnswer ? exitCodes.ok : exitCodes.usage;
  }

  /** Commander would write and end the process by itself. */
  function prepare(command: InstanceType<typeof Command>, written: string[]): void {
    const write = (text: string): void => void written.push(text);
    command.exitOverride().configureOutput({writeOut: write, writeErr: write});
    command.showHelpAfterError('(tenon --help tells more)');
    for (const child of command.commands) prepare(child, written);
  }
}

async function clientCommands(world: CommandWorld) {
  const [submit, status, log, result, kill, list, nodes, statistics, quota, why] = await Promise.all([
    import('./submit-command.ts'),
    import('./status-command.ts'),
    import('./log-command.ts'),
    import('./result-command.ts'),
    import('./kill-command.ts'),
    import('./list-command.ts'),
    import('./nodes-command.ts'),
    import('./statistics-command.ts'),
    import('./quota-command.ts'),
    import('./why-command.ts'),
  ]);
  return [
    submit.submitCommand(world),
    status.statusCommand(world),
    log.logCommand(world),
    result.resultCommand(world),
    kill.killCommand(world),
    list.listCommand(world),
    nodes.nodesCommand(world),
    nodes.drainCommand(world),
    statistics.statisticsCommand(world),
    quota.quotaCommand(world),
    why.whyCommand(world),
    why.priorityCommand(world),
  ];
}

/** Failures that we foresaw are told in a line; anything else is a fault of ours, with its trace. */
function tellFailure(error: unknown, terminal: Terminal): number {
  terminal.progress('');
  if (error instanceof BrokenPipeError) return error.exitCode;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CommandError) {
    terminal.note(`tenon: ${message}`);
    return error.exitCode;
  }
  if (error instanceof LinkisError) {
    terminal.note(`tenon: ${message}`);
    return exitCodes.refused;
  }
  if (error instanceof Error && error.name === 'ConfigError') {
    terminal.note(`tenon: ${message}`);
    return exitCodes.usage;
  }
  const isForeseen = error instanceof Error && ('code' in error || error.name === 'DatabaseAwayError');
  terminal.note(
    isForeseen ? `tenon: ${message}` : `tenon: ${(error instanceof Error && error.stack) || message}`,
  );
  return exitCodes.failed;
}

function version(): string {
  const file = findPackageJSON(import.meta.url);
  if (file === undefined) return 'unknown';
  const description: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return typeof description === 'object' && description !== null && 'version' in description
    ? String(description.version)
    : 'unknown';
}
