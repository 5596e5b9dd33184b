/** The body of `entrance/submit` from what was given on the command line, and the code from where it stands. */
import {readFileSync} from 'node:fs';
import {extname} from 'node:path';
import {defaultCodeTypeOf, defaultVersionOf} from '../actors/domain/engine-version.ts';
import {parseEngineType, printEngineType} from '../actors/domain/label.ts';
import {UsageError} from './command-error.ts';
import type {KeyValues} from './key-value.ts';
import type {Terminal} from './terminal.ts';

export type SubmissionOptions = {
  readonly engineType?: string;
  readonly codeType?: string;
  readonly code?: string;
  readonly file?: string;
  readonly creator?: string;
  readonly executeUser?: string;
  readonly label?: KeyValues;
  readonly var?: KeyValues;
  readonly param?: KeyValues;
};

/** What a file's name tells of its code. An engine type is left out where several could run it. */
const kinds: Readonly<Record<string, {readonly codeType: string; readonly engineType?: string}>> = {
  '.sh': {codeType: 'shell', engineType: 'shell'},
  '.bash': {codeType: 'shell', engineType: 'shell'},
  '.py': {codeType: 'python', engineType: 'python'},
  '.sql': {codeType: 'sql'},
  '.hql': {codeType: 'hql', engineType: 'hive'},
  '.scala': {codeType: 'scala', engineType: 'spark'},
};

const engineTypesOf: Readonly<Record<string, string>> = {
  shell: 'shell',
  sh: 'shell',
  python: 'python',
  py: 'python',
  jdbc: 'jdbc',
};

/** The code: `--code`, `--file`, or standard input. Rejects with `UsageError`. */
export async function readCode({code, file}: SubmissionOptions, terminal: Terminal): Promise<string> {
  if (code !== undefined && file !== undefined) throw new UsageError('Give --code or --file, not both.');
  const text = code ?? (await readSource(file, terminal));
  if (text.trim() === '') throw new UsageError('There is no code to run: it is empty.');
  return text;
}

async function readSource(file: string | undefined, terminal: Terminal): Promise<string> {
  if (file !== undefined && file !== '-') {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new UsageError(
        `${file} can't be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  if (file === undefined && !terminal.hasInput()) {
    throw new UsageError('There is no code to run: give --code TEXT or --file FILE, or pipe it in.');
  }
  return await terminal.readInput();
}

/** Throws `UsageError` when nothing says which engine is to run the code. */
export function submissionBody(
  options: SubmissionOptions,
  code: string,
  user: string,
): Readonly<Record<string, unknown>> {
  const {creator, executeUser, file, label = {}, param = {}} = options;
  const kind = kinds[extname(file ?? '').toLowerCase()];
  const given = options.codeType ?? label['codeType'] ?? kind?.codeType;
  const engine =
    options.engineType ??
    label['engineType'] ??
    kind?.engineType ??
    (given === undefined ? 'shell' : engineTypesOf[given]);
  const engineType = engine === undefined ? undefined : parseEngineType(engine);
  if (engineType === undefined) {
    throw new UsageError(
      `Which engine is to run code of type ${given ?? 'unknown'}? Give --engine-type TYPE.`,
    );
  }
  const version = engineType.version || defaultVersionOf(engineType.type);
  return {
    executionContent: {code, runType: given ?? defaultCodeTypeOf(engineType.type)},
    labels: {
      ...(creator === undefined ? {} : {userCreator: `${executeUser ?? user}-${creator}`}),
      ...label,
      engineType: printEngineType({type: engineType.type, version}),
    },
    params: {variable: options.var ?? {}, configuration: {startup: {}, runtime: param, special: {}}},
    source: {scriptPath: file ?? 'tenon'},
    ...(executeUser === undefined ? {} : {executeUser}),
  };
}
