/**
 * The catalogue of failures, read from the source: every class that extends `LinkisError`, directly or by way of another,
 * with its number on the wire, whether the same request may succeed later, its own words for when it occurs, and its
 * message.
 */
import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';

export type ErrorClass = {
  readonly name: string;
  readonly base: string;
  /** Undefined: given by whoever throws it. */
  readonly code: number | undefined;
  readonly isRetryable: boolean | undefined;
  readonly isAbstract: boolean;
  readonly description: string;
  /** First text of the message, with the values' names where they go. */
  readonly message: string;
  readonly path: string;
};

const folders = ['actors', 'cluster', 'persistence', 'engines', 'http', 'cli'];
const root = 'LinkisError';

const classForm =
  /(?:\/\*\*((?:[^*]|\*(?!\/))*)\*\/\s*)?(?:export\s+)?(abstract\s+)?class\s+(\w+)\s+extends\s+(\w+)[^{]*\{/g;

/** Every class of one file that extends another, with what its body says. */
export function classesIn(path: string, source: string): ErrorClass[] {
  return [...source.matchAll(classForm)].map(match => {
    const [whole, doc = '', abstract, name = '', base = ''] = match;
    const body = bodyAt(source, match.index + whole.length);
    const code = /\bcode\s*(?::\s*\w+\s*)?=\s*(-?\d[\d_]*)/.exec(body)?.[1];
    const retryable = /\bretryable\s*(?::\s*boolean\s*)?=\s*(true|false)/.exec(body)?.[1];
    return {
      name,
      base,
      path,
      code: code === undefined ? undefined : Number(code.replaceAll('_', '')),
      isRetryable: retryable === undefined ? undefined : retryable === 'true',
      isAbstract: abstract !== undefined,
      description: doc
        .replace(/^\s*\*\s?/gm, '')
        .replace(/\s+/g, ' ')
        .trim(),
      message: messageIn(body),
    };
  });
}

/** The text between an opening brace (just before `start`) and its partner. */
function bodyAt(source: string, start: number): string {
  let depth = 1;
  for (let at = start; at < source.length; at += 1) {
    if (source[at] === '{') depth += 1;
    if (source[at] === '}') depth -= 1;
    if (depth === 0) return source.slice(start, at);
  }
  return source.slice(start);
}

/** The texts handed to `super(…)`, joined; `${expression}` becomes `‹expression›`. */
function messageIn(body: string): string {
  const start = /\bsuper\s*\(/.exec(body);
  if (start === null) return '';
  const argument = /^(?:\s*\+?\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`))+/.exec(
    body.slice(start.index + start[0].length),
  );
  return [...(argument?.[0] ?? '').matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)]
    .map(([, single, double, template]) => single ?? double ?? template ?? '')
    .join('')
    .replace(/\$\{([^}]*)\}/g, '‹$1›')
    .replace(/\\(.)/g, '$1');
}

/** The concrete ones among `classes` that descend from LinkisError, with what they inherit filled in; by code, then name. */
export function linkisErrors(classes: readonly ErrorClass[]): ErrorClass[] {
  const byName = new Map(classes.map(found => [found.name, found]));
  const lineOf = (found: ErrorClass): ErrorClass[] | undefined => {
    if (found.base === root) return [found];
    const base = byName.get(found.base);
    const rest = base === undefined ? undefined : lineOf(base);
    return rest === undefined ? undefined : [found, ...rest];
  };
  return classes
    .flatMap(found => {
      const line = lineOf(found);
      if (line === undefined || found.isAbstract) return [];
      const code = line.find(each => each.code !== undefined)?.code;
      const isRetryable = line.find(each => each.isRetryable !== undefined)?.isRetryable ?? false;
      return [{...found, code, isRetryable}];
    })
    .toSorted((a, b) => (a.code ?? Infinity) - (b.code ?? Infinity) || (a.name < b.name ? -1 : 1));
}

export function errorsPage(project: string): string {
  const classes = folders.flatMap(folder =>
    readdirSync(join(project, folder), {recursive: true, encoding: 'utf8'})
      .filter(name => name.endsWith('.ts'))
      .toSorted()
      .flatMap(name => classesIn(`${folder}/${name}`, readFileSync(join(project, folder, name), 'utf8'))),
  );
  const rows = linkisErrors(classes).map(
    ({name, code, isRetryable, description, message}) =>
      `| ${code ?? 'varies'} | ${isRetryable ? 'yes' : 'no'} | \`${name}\` | ${cell(description)} | ${cell(message)} |`,
  );
  return `# Errors

<!-- Written by \`npm run docs\` from the classes that extend LinkisError; don't edit. -->

Every failure that a client sees has a class, a number and a message. The number is Linkis' own where Linkis has one, since
clients and dashboards match on it; it stands in \`data.errorMsg\` of an answer and in \`errCode\` of a job. *Again* says whether
the same request may succeed later without being changed. ‹…› marks a value in the message.

| Code | Again | Class | When | Message |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ') || '–';
