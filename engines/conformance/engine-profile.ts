/**
 * What code makes an engine do what a check needs: a small JSON file beside the engine, so that the suite can drive an
 * engine of any language. What the engine can't be made to do is left out; the checks that need it are skipped, by name.
 */
import {EngineProfileError} from './conformance-errors.ts';

/** What each kind of code has to do. `{count}`, `{numbers}`, `{seconds}` and `{bytes}` in it are replaced. */
export const codeKinds = {
  succeed: 'ends with success',
  fail: 'ends without success',
  lines: 'prints {count} lines, the numbers from 1 on; {numbers} is that text, line feeds included',
  sleep: 'takes {seconds} seconds, and ends when its processes get TERM',
  stubborn: 'takes {seconds} seconds, and ignores TERM',
  leave:
    'starts a process in a session of its own that lives {seconds} seconds, and ends without waiting for it',
  results: 'makes one result set or more',
  progress: 'reports progress once or more',
  variable: 'prints the value of the environment variable CONFORMANCE_VARIABLE, and a line feed',
  longLine: 'prints one line of {bytes} times the letter x',
  unfinishedLine: 'prints the word unfinished without a line feed, and ends',
  processes: 'starts {count} processes at once that live for a minute, and waits for them',
  memory: 'takes {bytes} bytes of memory, and keeps them for a minute',
  invalidText: 'prints the word bad, a byte 0xFF, the word text and a line feed',
} as const satisfies Record<string, string>;

export type CodeKind = keyof typeof codeKinds;

export type EngineProfile = {
  readonly engineType: string;
  readonly codeType: string;
  readonly runtimeParams: Readonly<Record<string, unknown>>;
  readonly code: Readonly<Partial<Record<CodeKind, string>>>;
};

const textCharsMax = 100_000;

/** `where` names the file in messages. Throws `EngineProfileError`. */
export function parseEngineProfile(text: string, where: string): EngineProfile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EngineProfileError(where, [`it is not JSON (${String(cause)})`]);
  }
  const mistakes: string[] = [];
  const {engineType, codeType, runtimeParams = {}, code, ...rest} = recordOf(value) ?? {};
  for (const key of Object.keys(rest)) mistakes.push(`${key} is no field of a profile`);
  const type = typeof engineType === 'string' ? engineType : '';
  if (!/^[A-Za-z0-9_]{1,32}$/.test(type)) mistakes.push('engineType must be 1 to 32 letters, digits and _');
  const language = codeType ?? engineType;
  if (typeof language !== 'string') mistakes.push('codeType must be a text');
  const parameters = recordOf(runtimeParams);
  if (parameters === undefined) mistakes.push('runtimeParams must be an object');
  const codes = codesOf(recordOf(code), mistakes);
  if (mistakes.length > 0) throw new EngineProfileError(where, mistakes);
  return {engineType: type, codeType: String(language), runtimeParams: parameters ?? {}, code: codes};
}

function codesOf(
  given: Readonly<Record<string, unknown>> | undefined,
  mistakes: string[],
): EngineProfile['code'] {
  const codes: Partial<Record<CodeKind, string>> = {};
  for (const [kind, text] of Object.entries(given ?? {})) {
    if (!isKind(kind)) mistakes.push(`code.${kind} is none of ${Object.keys(codeKinds).join(', ')}`);
    else if (typeof text !== 'string' || text.length > textCharsMax) {
      mistakes.push(`code.${kind} must be a text of at most ${textCharsMax} characters`);
    } else codes[kind] = text;
  }
  if (codes.succeed === undefined) mistakes.push(`code.succeed is missing: code that ${codeKinds.succeed}`);
  return codes;
}

export type CodeValues = {readonly count?: number; readonly seconds?: number; readonly bytes?: number};

/** The profile's code of a kind with its values in place; the empty text if there is none, which no check asks for. */
export function codeOf({code}: EngineProfile, kind: CodeKind, values: CodeValues = {}): string {
  const {count = 1, seconds = 1, bytes = 1} = values;
  const template = code[kind] ?? '';
  const texts: Readonly<Record<string, () => string>> = {
    '{count}': () => String(count),
    '{numbers}': () => numbersTo(count),
    '{seconds}': () => String(seconds),
    '{bytes}': () => String(bytes),
  };
  return template.replaceAll(/\{(?:count|numbers|seconds|bytes)\}/g, name => texts[name]?.() ?? name);
}

/** The lines 1 … `count`, each with its line feed. */
export const numbersTo = (count: number): string =>
  Array.from({length: count}, (_, index) => `${index + 1}\n`).join('');

const isKind = (kind: string): kind is CodeKind => Object.hasOwn(codeKinds, kind);

const recordOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? {...value} : undefined;
