/**
 * Source files as the architecture test reads them: with comments blanked, and with texts blanked too, both with every
 * line where it was. TypeScript 7 has no parser to call from JavaScript, and these rules need none: to know what
 * is code, what is text and what is comment is enough.
 */
export type SourceText = {
  /** Comments replaced by spaces. */
  readonly withTexts: string;
  /** Comments and the insides of strings, templates and regular expressions replaced by spaces; `${…}` stays. */
  readonly codeOnly: string;
};

/** After one of these a slash begins a regular expression, not a division. */
const beforeRegExp =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await))\s*$/;

export function readSource(source: string): SourceText {
  const withTexts: string[] = [];
  const codeOnly: string[] = [];
  let at = 0;

  const keep = (text: string): void => {
    withTexts.push(text);
    codeOnly.push(text);
    at += text.length;
  };
  const comment = (text: string): void => {
    withTexts.push(blank(text));
    codeOnly.push(blank(text));
    at += text.length;
  };
  const text = (content: string): void => {
    withTexts.push(content);
    codeOnly.push(blank(content));
    at += content.length;
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };

  /** Reads code up to the end of the source, or of the `${…}` it stands in. */
  function code(isNested: boolean): void {
    let depth = 0;
    while (at < source.length) {
      const character = source[at] ?? '';
      const remark = match(/\/\/[^\n]*|\/\*[^]*?\*\//y) ?? (at === 0 ? match(/#![^\n]*/y) : undefined);
      if (remark !== undefined) comment(remark);
      else if (character === '`') template();
      else if (character === '"' || character === "'") quoted();
      else if (character === '/' && beforeRegExp.test(codeOnly.slice(-80).join(''))) regExp();
      else {
        if (character === '{') depth += 1;
        if (character === '}' && isNested && depth === 0) return;
        if (character === '}') depth -= 1;
        keep(match(/[\w$]+/y) ?? character);
      }
    }
  }

  function quoted(): void {
    const whole = match(/'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y) ?? source[at] ?? '';
    keep(whole.slice(0, 1));
    if (whole.length < 2) return;
    text(whole.slice(1, -1));
    keep(whole.slice(-1));
  }

  function regExp(): void {
    const whole = match(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y);
    if (whole === undefined) keep('/');
    else text(whole);
  }

  function template(): void {
    keep('`');
    while (at < source.length) {
      if (source[at] === '`') return keep('`');
      if (source.startsWith('${', at)) {
        keep('${');
        code(true);
        keep(source.slice(at, at + 1));
      } else text(match(/(?:\\[^]|\$(?!\{)|[^`\\$])+/y) ?? source[at] ?? '');
    }
  }

  code(false);
  return {withTexts: withTexts.join(''), codeOnly: codeOnly.join('')};
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

export type Import = {
  readonly specifier: string;
  readonly line: number;
  /** `import type` and `export type … from`: gone when the code runs. */
  readonly isTypeOnly: boolean;
  readonly isReExport: boolean;
};

const importForms =
  /(?<![\w$.])(?:(import|export)\s+(type\s)?(?:[\w$*{][^;'"`]*?)?\bfrom\s*|(import)\s+|(import|require)\s*\(\s*)(['"])([^'"\n]+)\5/g;

/** Every static, side-effect, dynamic and re-exporting import that names its module in a literal. */
export function importsOf({withTexts, codeOnly}: SourceText): Import[] {
  const found: Import[] = [];
  for (const match of withTexts.matchAll(importForms)) {
    const [whole, keyword, type] = match;
    // A text that only looks like an import is blank in the code.
    const isCode = /^(?:import|export|require)/.test(codeOnly.slice(match.index));
    if (!isCode) continue;
    found.push({
      specifier: match[6] ?? '',
      line: lineAt(withTexts, match.index + whole.length - 1),
      isTypeOnly: type !== undefined,
      isReExport: keyword === 'export',
    });
  }
  return found;
}

export const lineAt = (source: string, index: number): number => source.slice(0, index).split('\n').length;
