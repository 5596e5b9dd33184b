/** The project's TypeScript files, read once, for tests that hold rules about the source itself. */
import {existsSync, readFileSync, readdirSync} from 'node:fs';
import {dirname, join, posix} from 'node:path';
import {fileURLToPath} from 'node:url';
import {importsOf, lineAt, readSource, type Import, type SourceText} from './source-text.ts';

export type SourceFile = SourceText & {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly source: string;
  readonly imports: readonly (Import & {
    /** Path of the imported file of this project; undefined for packages and Node's own modules. */
    readonly target: string | undefined;
  })[];
};

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

const folders = ['actors', 'cluster', 'persistence', 'http', 'engines', 'cli', 'test', 'bench', 'tools'];

export function readTree(): SourceFile[] {
  const topLevel = readdirSync(projectRoot).filter(name => /\.(?:ts|js)$/.test(name));
  const nested = folders
    .filter(folder => existsSync(join(projectRoot, folder)))
    .flatMap(folder =>
      readdirSync(join(projectRoot, folder), {recursive: true, encoding: 'utf8'}).map(name =>
        posix.join(folder, name.replaceAll('\\', '/')),
      ),
    );
  return [...topLevel, ...nested]
    .filter(path => path.endsWith('.ts') && !path.includes('node_modules/'))
    .toSorted()
    .map(path => sourceFile(path, readFileSync(join(projectRoot, path), 'utf8')));
}

export function sourceFile(path: string, source: string): SourceFile {
  const text = readSource(source);
  const imports = importsOf(text).map(found => ({
    ...found,
    target: found.specifier.startsWith('.') ? posix.join(dirname(path), found.specifier) : undefined,
  }));
  return {path, source, ...text, imports};
}

/** Line numbers of what `pattern` (global) finds in the code, comments and texts left out. */
export const linesWith = ({codeOnly}: SourceFile, pattern: RegExp): number[] =>
  [...codeOnly.matchAll(pattern)].map(({index}) => lineAt(codeOnly, index));
