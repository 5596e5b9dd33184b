/** Variables that the code itself defines: `--@set name=value` in SQL, `#@set` in Python and shell, and so on. */
import type {CodeLanguage} from './code-language.ts';
import {
  VariableDefinitionAmbiguousError,
  VariableDefinitionIncompleteError,
  VariableNameMissingError,
} from './variable-error.ts';

const markers: Readonly<Partial<Record<CodeLanguage, string>>> = {
  sql: '--@set',
  python: '#@set',
  shell: '#@set',
  scala: '//@set',
  java: '!!@set',
};

const quotedCharsMax = 120;

/**
 * Name → value, of lines that begin with the marker; the last line of a name counts. Throws
 * `VariableDefinitionAmbiguousError`, `VariableDefinitionIncompleteError`, `VariableNameMissingError`.
 */
export function definedIn(code: string, language: CodeLanguage): ReadonlyMap<string, string> {
  const marker = markers[language];
  const defined = new Map<string, string>();
  if (marker === undefined || !code.includes(marker)) return defined;
  for (const line of code.split('\n')) {
    const text = line.trim();
    if (!text.startsWith(marker)) continue;
    const [name, value] = readDefinition(text.slice(marker.length).trim(), text.slice(0, quotedCharsMax));
    defined.set(name, value);
  }
  return defined;
}

function readDefinition(definition: string, line: string): [name: string, value: string] {
  const parts = definition.replace(/;$/, '').split('=');
  // Java's split leaves out what is empty at the end.
  while (parts.at(-1) === '') parts.pop();
  const [name = '', value = ''] = parts.map(part => part.trim());
  if (parts.length > 2) throw new VariableDefinitionAmbiguousError(line);
  if (name === '') throw new VariableNameMissingError(line);
  if (parts.length < 2) throw new VariableDefinitionIncompleteError(line);
  return [name, value];
}
