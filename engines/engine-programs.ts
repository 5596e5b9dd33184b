/**
 * Engine programs beyond those that Tenon brings, as an operator lists them: `type=command line` each. A command line is
 * words; quotes hold blanks together and a backslash holds on to what follows it, as in a shell, but nothing is expanded.
 */
import {constants} from 'node:fs';
import {access} from 'node:fs/promises';
import {delimiter, isAbsolute, join} from 'node:path';
import {EngineProgramError} from './engine-program-error.ts';

export type EnginePrograms = Readonly<Record<string, readonly [string, ...string[]]>>;

const typeForm = /^[a-z][a-z0-9_]{0,31}$/;
const wordsMax = 100;
const charsMax = 4000;

/**
 * `own`: engine types that Tenon brings, which nobody may take the place of. Each mistake names its entry; entries without
 * one are among the programs.
 */
export function parseEnginePrograms(
  entries: readonly string[],
  own: readonly string[],
): {readonly programs: EnginePrograms; readonly mistakes: readonly string[]} {
  const programs = new Map<string, readonly [string, ...string[]]>();
  const mistakes: string[] = [];
  for (const entry of entries) {
    const at = entry.indexOf('=');
    const type = entry.slice(0, Math.max(0, at)).trim();
    const words = at < 0 ? undefined : wordsOf(entry.slice(at + 1));
    const problem = problemOf(type, words, own, programs);
    const [program, ...options] = typeof words === 'object' ? words : [];
    if (problem !== undefined) mistakes.push(`${JSON.stringify(entry.slice(0, 200))} ${problem}`);
    else if (program !== undefined) programs.set(type, [program, ...options]);
  }
  return {programs: Object.fromEntries(programs), mistakes};
}

function problemOf(
  type: string,
  words: readonly string[] | string | undefined,
  own: readonly string[],
  known: ReadonlyMap<string, unknown>,
): string | undefined {
  if (words === undefined)
    return 'must be type=command line, such as perl=/usr/bin/perl /opt/engines/engine.pl';
  if (!typeForm.test(type)) {
    return `must begin with an engine type of 1 to 32 small letters, digits and _, not ${JSON.stringify(type.slice(0, 40))}`;
  }
  if (own.includes(type)) return `can't take the place of ${type}, which is an engine type of Tenon's own`;
  if (known.has(type)) return `names the engine type ${type} a second time`;
  if (typeof words === 'string') return words;
  const [program = ''] = words;
  if (program === '') return 'names no program';
  if (program.includes('/') && !isAbsolute(program))
    return `must name its program by an absolute path, not ${program}`;
  return undefined;
}

/** The words of a command line; a text says what is wrong with it. */
function wordsOf(line: string): readonly string[] | string {
  if (line.length > charsMax) return `has more than ${charsMax} characters`;
  if (line.includes('\0')) return 'holds a character of number 0';
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === '\\' && quote !== "'") {
      if (at + 1 === line.length) return 'ends with a backslash';
      word = (word ?? '') + line.charAt(++at);
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quote !== '') return `has no closing ${quote}`;
  if (word !== undefined) words.push(word);
  return words.length > wordsMax ? `has more than ${wordsMax} words` : words;
}

/** Rejects with `EngineProgramError` when a program is not there or may not be run: better at the start than at a job. */
export async function findEnginePrograms(programs: EnginePrograms, path: string): Promise<EnginePrograms> {
  const found = await Promise.all(
    Object.entries(programs).map(async ([type, [program, ...options]]) => {
      const file = await executable(program, path);
      if (file === undefined) throw new EngineProgramError(type, program, path);
      return [type, [file, ...options] as const] as const;
    }),
  );
  return Object.fromEntries(found);
}

async function executable(program: string, path: string): Promise<string | undefined> {
  const candidates = isAbsolute(program)
    ? [program]
    : path.split(delimiter).flatMap(directory => (isAbsolute(directory) ? [join(directory, program)] : []));
  for (const candidate of candidates) {
    // In the order of the path: the first one counts.
    // oxlint-disable-next-line no-await-in-loop
    const isThere = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  return undefined;
}
