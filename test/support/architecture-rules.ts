/**
 * The rules of the tree, as data and pure functions: who may import whom, who owns time, chance and environment, and what
 * no file may do. `test/architecture.test.ts` runs them over the real tree, and over trees that break each.
 */
import {linesWith, type SourceFile} from './source-tree.ts';

export type Violation = {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly remedy: string;
};

export type Rule = {
  /** A sentence; the title of the rule's test. */
  readonly says: string;
  readonly check: (tree: readonly SourceFile[]) => Violation[];
};

/** The floor's part of the tree that a path belongs to. */
export function areaOf(path: string): string {
  if (path.startsWith('actors/domain/')) return 'domain';
  if (path.startsWith('actors/runtime/')) return 'runtime';
  return path.includes('/') ? (path.split('/')[0] ?? '') : 'top';
}

const floor0 = ['domain', 'runtime'];
const product = [...floor0, 'actors', 'cluster', 'persistence', 'engines', 'http', 'cli', 'top'];

/** Who may import whom; what an area does not name, it may not import. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  domain: ['domain'],
  runtime: floor0,
  actors: ['actors', ...floor0],
  cluster: ['cluster', ...floor0],
  persistence: ['persistence', 'actors', 'cluster', ...floor0],
  engines: ['engines', 'actors', 'cluster', ...floor0],
  http: ['http', 'actors', 'cluster', ...floor0],
  cli: product,
  top: product,
  bench: [...product, 'bench', 'test', 'tools'],
  test: [...product, 'test', 'bench', 'tools'],
  tools: [...product, 'tools'],
};

const isProduct = ({path}: SourceFile): boolean => product.includes(areaOf(path)) && path !== 'ava.config.js';

/** Packages that only some files may import: the pattern of the package, and of the files. */
const owners: readonly {readonly what: RegExp; readonly where: RegExp; readonly remedy: string}[] = [
  {
    what: /^nact(?:\/|$)/,
    where: /^actors\/runtime\//,
    remedy: 'use spawn, ask and Ref of actors/runtime/, which close its traps',
  },
  {
    what: /^ws$/,
    where:
      /^(?:cluster\/[\w-]*transport[\w-]*|http\/(?:[\w-]+\/)*[\w-]*(?:stream|socket)[\w-]*|cli\/stream-client)\.ts$/,
    remedy: 'go through the cluster transport, or a stream or socket file of http/',
  },
  {
    what: /^(?:@mikro-orm\/|mikro-orm$|kysely(?:\/|$))/,
    where: /^persistence\//,
    remedy: 'use a port of actors/ports.ts and implement it in persistence/',
  },
  {
    what: /^(?:mysql2(?:\/|$)|mariadb(?:\/|$)|node:sqlite$|pg(?:-|$)|@duckdb\/)/,
    // The jdbc engine speaks to its users' databases, never to ours.
    where: /^(?:persistence|engines\/jdbc)\//,
    remedy: 'use a port of actors/ports.ts and implement it in persistence/',
  },
  {
    what: /^(?:fastify|@fastify\/)/,
    where: /^http\//,
    remedy: 'keep the web framework inside http/',
  },
];

/** Words that only their owner may use in product code. */
const ownedWords: readonly {readonly what: RegExp; readonly where: RegExp; readonly remedy: string}[] = [
  {
    what: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.hrtime\b/g,
    where: /^actors\/runtime\/clock\.ts$/,
    remedy: 'take `now` as an argument, or a Clock (actors/runtime/clock.ts)',
  },
  {
    what: /\bMath\.random\b/g,
    where: /^actors\/runtime\/random\.ts$/,
    remedy: 'take a Random (actors/runtime/random.ts); for secrets node:crypto',
  },
  {
    what: /\bprocess\.env\b/g,
    // An engine's launcher hands its mark over in the environment.
    where: /^(?:config\.ts|cli\/.*|engines\/kit\/engine-files\.ts)$/,
    remedy: 'make it a setting and receive its value; config.ts reads the environment once',
  },
];

/** `tenon` and `tenon/engine-kit`. */
const publicSurfaces = new Set(['index.ts', 'engine-kit.ts']);

const nactAllowed = new Set(['start', 'spawn', 'dispatch', 'stop']);

export const rules: readonly Rule[] = [
  {
    says: 'an import goes only to a floor that the importing floor may know',
    check: tree =>
      eachImport(tree, (file, found) => {
        if (found.target === undefined) return undefined;
        const from = areaOf(file.path);
        const to = areaOf(found.target);
        if (mayImport[from]?.includes(to)) return undefined;
        return `${from} may import ${mayImport[from]?.join(', ') ?? 'nothing'}, not ${to}: receive a ref, a port or a value`;
      }),
  },
  {
    says: 'domain rules import no package and no module of Node',
    check: tree =>
      eachImport(tree, (file, {target}) =>
        areaOf(file.path) === 'domain' && target === undefined ? 'pass the value in' : undefined,
      ),
  },
  {
    says: 'a package with an owner is imported by its owner only',
    check: tree =>
      eachImport(tree, (file, {specifier}) => {
        if (!isProduct(file)) return undefined;
        return owners.find(({what, where}) => what.test(specifier) && !where.test(file.path))?.remedy;
      }),
  },
  {
    says: 'one file imports nact, and of it only start, spawn, dispatch and stop',
    check(tree) {
      const importers = tree.filter(
        file => isProduct(file) && file.imports.some(({specifier}) => specifier === 'nact'),
      );
      const extra = importers.slice(1).map(file => ({
        path: file.path,
        line: 1,
        rule: 'one file imports nact',
        remedy: `let ${importers[0]?.path} be it`,
      }));
      return [...extra, ...importers.flatMap(bannedFromNact)];
    },
  },
  {
    says: 'time, chance and environment come from the file that owns them',
    check: tree =>
      tree
        .filter(isProduct)
        .flatMap(file =>
          ownedWords
            .filter(({where}) => !where.test(file.path))
            .flatMap(({what, remedy}) =>
              linesWith(file, what).map(line => ({path: file.path, line, rule: what.source, remedy})),
            ),
        ),
  },
  {
    says: 'actors and cluster set timers through the clock port',
    check: tree =>
      tree
        .filter(({path}) => /^(?:actors|cluster)\//.test(path) && path !== 'actors/runtime/clock.ts')
        .flatMap(file =>
          linesWith(file, /(?<![\w.])set(?:Timeout|Interval)\b/g).map(line => ({
            path: file.path,
            line,
            rule: 'no timer of its own',
            remedy: 'use setTimer of the actor, or Clock.after',
          })),
        ),
  },
  {
    says: "product code takes node:http without Node's own fetch, which an import would load",
    check: tree =>
      tree.filter(isProduct).flatMap(({path, withTexts}) =>
        [...withTexts.matchAll(/\bimport\s+(?!type\b)[^;]*?\sfrom\s+['"]node:http['"]/g)].map(({index}) => ({
          path,
          line: withTexts.slice(0, index).split('\n').length,
          rule: 'an import of node:http costs 14 MB',
          remedy: "use process.getBuiltinModule('node:http'), and import types as types",
        })),
      ),
  },
  {
    says: 'exports have names',
    check: tree =>
      tree.flatMap(file =>
        linesWith(file, /(?<![\w$.])export\s+default\b/g).map(line => ({
          path: file.path,
          line,
          rule: 'no default export',
          remedy: 'export it by its name',
        })),
      ),
  },
  {
    says: 'only the public surfaces of the package hand on what others export',
    check: tree =>
      eachImport(tree, (file, {isReExport}) =>
        isReExport && !publicSurfaces.has(file.path) ? 'import it where it is defined' : undefined,
      ),
  },
  {
    says: 'no file or folder is a drawer',
    check: tree =>
      tree
        .filter(({path}) =>
          /(?:^|\/)(?:utils?|helpers?|common|misc)(?:\/|\.ts$)|-(?:utils?|helpers?)\.ts$/i.test(path),
        )
        .map(({path}) => ({path, line: 1, rule: 'a drawer', remedy: 'name it after the noun it is about'})),
  },
  {
    says: 'files are kebab-case',
    check: tree =>
      tree
        .filter(({path}) => !/^(?:[a-z0-9-]+\/)*[a-z0-9]+(?:[.-][a-z0-9]+)*\.ts$/.test(path))
        .map(({path}) => ({path, line: 1, rule: 'kebab-case nouns', remedy: 'rename it'})),
  },
  {
    says: `no file is longer than 400 lines, no test than 500`,
    check: tree =>
      tree
        .map(({path, source}) => ({path, lines: source.split('\n').length - 1}))
        .filter(({path, lines}) => lines > (path.startsWith('test/') ? 500 : 400))
        .map(({path, lines}) => ({
          path,
          line: lines,
          rule: 'at most 400',
          remedy: 'look for the second noun',
        })),
  },
  {
    says: 'a module given by URL is named without its extension',
    check: tree =>
      tree.filter(isProduct).flatMap(file =>
        [...file.withTexts.matchAll(/new URL\(\s*['"][^'"]+\.ts['"]/g)].map(({index}) => ({
          path: file.path,
          line: file.withTexts.slice(0, index).split('\n').length,
          rule: 'tsc rewrites imports, not URLs: it breaks in dist/ only',
          remedy: 'take the extension of import.meta.url, e.g. new URL(`./x${extname(import.meta.url)}`, …)',
        })),
      ),
  },
  {says: 'no two files import each other, directly or around a corner', check: importCycles},
];

function eachImport(
  tree: readonly SourceFile[],
  judge: (file: SourceFile, found: SourceFile['imports'][number]) => string | undefined,
): Violation[] {
  return tree.flatMap(file =>
    file.imports.flatMap(found => {
      const remedy = judge(file, found);
      return remedy === undefined
        ? []
        : [{path: file.path, line: found.line, rule: `imports ${found.specifier}`, remedy}];
    }),
  );
}

function bannedFromNact({path, withTexts}: SourceFile): Violation[] {
  const names = /import\s+(?:type\s+)?([^;]*?)\s+from\s+['"]nact['"]/.exec(withTexts)?.[1] ?? '';
  return [...names.matchAll(/(?:type\s+)?(\*|\w+)(?:\s+as\s+\w+)?/g)]
    .filter(([whole, name]) => !whole.startsWith('type ') && !nactAllowed.has(name ?? ''))
    .filter(
      ([, name]) => !/^(?:Ref|LocalActorRef|ActorSystem|ActorContext|LocalActorSystemRef)$/.test(name ?? ''),
    )
    .map(([, name]) => ({
      path,
      line: 1,
      rule: `imports ${name} of nact`,
      remedy: 'its traps are listed in docs/adr/0002: ask, timers, supervision and stopping are ours',
    }));
}

/** Cycles among imports that are there when the code runs; types may refer to each other. */
function importCycles(tree: readonly SourceFile[]): Violation[] {
  const files = new Map(tree.map(file => [file.path, file]));
  const done = new Set<string>();
  const violations: Violation[] = [];

  function visit(path: string, trail: readonly string[]): void {
    const file = files.get(path);
    if (file === undefined || done.has(path)) return;
    for (const {target, isTypeOnly, line} of file.imports) {
      if (target === undefined || isTypeOnly) continue;
      const start = [...trail, path].indexOf(target);
      if (start < 0) visit(target, [...trail, path]);
      else {
        const cycle = [...[...trail, path].slice(start), target].join(' → ');
        violations.push({path, line, rule: cycle, remedy: 'move what both need into a third file'});
      }
    }
    done.add(path);
  }
  for (const {path} of tree) visit(path, []);
  return violations;
}
