/** Refuses shell code with a listed word (Linkis: `ShellDangerousGrammerInterceptor`); off unless configured. */
import {languageOf} from '../domain/code-language.ts';
import {LinkisError} from '../domain/errors.ts';
import type {Check} from './job-draft.ts';

/** Shell code contains a word that this node's configuration forbids. */
export class ShellDangerError extends LinkisError {
  override readonly name = 'ShellDangerError';
  readonly code = 50081;

  constructor(word: string) {
    super(
      `Shell code contains blacklisted code(shell中包含黑名单代码): ${word}` +
        ' – see shellDangerTokens in the configuration.',
    );
  }
}

const quotedCharsMax = 80;

/** A word is what stands between blanks; a line that ends in `.sh` calls another script. */
export const checkShellDanger: Check = (draft, {settings}) => {
  if (!settings.shellDangerCheck || languageOf(draft.codeType) !== 'shell') return draft;
  const forbidden = new Set(settings.shellDangerTokens);
  for (const line of draft.code.split('\n')) {
    const words = line.trim().split(/\s+/);
    const found = words.find(word => forbidden.has(word));
    const script = words.at(-1)?.endsWith('.sh') === true ? words.at(-1) : undefined;
    const word = found ?? script;
    if (word !== undefined) throw new ShellDangerError(word.slice(0, quotedCharsMax));
  }
  return draft;
};
