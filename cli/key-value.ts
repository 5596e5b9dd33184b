/** Repeatable options of the form `KEY=VALUE`. */
import {InvalidArgumentError} from 'commander';

export type KeyValues = Readonly<Record<string, string>>;

/** For commander: adds one pair to those before it. */
export function collectPair(text: string, before: KeyValues = {}): KeyValues {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be KEY=VALUE.');
  return {...before, [text.slice(0, at)]: text.slice(at + 1)};
}

/** For commander: adds one text to those before it. */
export const collectText = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
];

/** For commander: a whole number from `min` on. */
export const wholeNumber =
  (min: number) =>
  (text: string): number => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!(number >= min)) throw new InvalidArgumentError(`It must be a whole number from ${min} on.`);
    return number;
  };
