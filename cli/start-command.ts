/**
 * `tenon start`: runs a node. Its options are the settings of `nodeSettings`, so a new setting is a new option. Read without
 * the argument parser of the other commands, which would cost a start 30 ms.
 */
import {parseArgs} from 'node:util';
import {nodeSettings} from '../node-options.ts';
import {UsageError} from './command-error.ts';
import type {Terminal} from './terminal.ts';

const flagOf = (key: string): string => key.replaceAll(/[A-Z]/g, capital => `-${capital.toLowerCase()}`);

const keys = Object.keys(nodeSettings) as readonly (keyof typeof nodeSettings)[];

/** The options of the command line by setting, as `runStart` takes them. Undefined when only help was asked for. */
export function parseStart(argv: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const texts = {type: 'string', multiple: true} as const;
  const options = {
    ...Object.fromEntries(keys.map(key => [flagOf(key), texts])),
    config: texts,
    set: texts,
    help: {type: 'boolean', short: 'h'},
  } as const;
  let values: Readonly<Record<string, unknown>>;
  try {
    ({values} = parseArgs({args: [...argv], options, allowPositionals: false}));
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)} See tenon start --help.`);
  }
  if (values['help'] === true) return undefined;
  const {config, set} = values;
  return {
    ...Object.fromEntries(keys.flatMap(key => option(key, values[flagOf(key)]))),
    ...(isTexts(config) ? {config: config.at(-1)} : {}),
    ...(isTexts(set) ? {set} : {}),
  };
}

const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value);

/** A list may be given in one option, with commas, or in several; of other settings the last counts. */
function option(key: keyof typeof nodeSettings, given: unknown): [key: string, value: unknown][] {
  if (!isTexts(given)) return [];
  const isList = nodeSettings[key].type === 'list';
  return [[key, isList ? given.flatMap(text => text.split(',')) : given.at(-1)]];
}

export function startHelp(): string {
  const lines = keys.map(key => {
    const {type, default: initial, description} = nodeSettings[key];
    const shown = Array.isArray(initial) ? initial.join(',') : String(initial);
    const flag = `--${flagOf(key)} ${type === 'list' ? 'A,B' : 'VALUE'}`;
    return `  ${flag}\n      ${description}${shown === '' ? '' : ` (${shown})`}\n`;
  });
  return `Usage: tenon start [options]

Runs a node until a signal ends it: SIGTERM or Ctrl-C lets it leave, a second one stops it at once. When it listens, one line
of JSON goes to standard output: {"event":"ready","listen":"http://…"}. Its log goes to standard error.

${lines.join('')}  --config FILE
      YAML file with settings (TENON_CONFIG)
  --set GROUP.KEY=VALUE
      Any other setting of docs/configuration.md; repeatable
`;
}

/** Resolves when the node has ended. Rejects when it can't start. */
export async function startCommand(argv: readonly string[], terminal: Terminal): Promise<void> {
  const options = parseStart(argv);
  if (options === undefined) {
    await terminal.write(startHelp());
    return;
  }
  const {runStart} = await import('../main.ts');
  await runStart(options);
}
