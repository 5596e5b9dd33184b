/** Holds the floors: reads every source file, and names file, line, rule and remedy of what breaks one. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {rules, type Violation} from './support/architecture-rules.ts';
import {projectRoot, readTree, sourceFile, type SourceFile} from './support/source-tree.ts';

const tree = readTree();

const report = (violations: readonly Violation[]): string =>
  violations.map(({path, line, rule, remedy}) => `${path}:${line} ${rule} – ${remedy}`).join('\n');

for (const {says, check} of rules) {
  test(`in this tree ${says}`, t => {
    t.is(report(check(tree)), '');
  });
}

test('the tree is read: every floor has files and imports', t => {
  t.true(tree.length > 10);
  t.true(tree.flatMap(({imports}) => imports).some(({target}) => target === 'actors/domain/job.ts'));
});

test('product code imports only packages that consumers install', t => {
  const {dependencies} = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const foreign = tree
    .filter(({path}) => !/^(?:test|bench|tools)\//.test(path))
    .flatMap(file => file.imports.map(found => ({...found, path: file.path})))
    .filter(({specifier, target}) => target === undefined && !specifier.startsWith('node:'))
    .filter(({specifier}) => !(packageOf(specifier) in dependencies))
    .map(({path, line, specifier}) => `${path}:${line} imports ${specifier} – list it in dependencies`);
  t.is(foreign.join('\n'), '');
});

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/* The rules themselves, on trees that break them: a rule that can't fail holds nothing. */

const breaks = test.macro<[string, Record<string, string>, string]>({
  exec(t, says, sources, expected) {
    const rule = rules.find(candidate => candidate.says.includes(says));
    const broken: SourceFile[] = Object.entries(sources).map(([path, source]) => sourceFile(path, source));
    t.true(report(rule?.check(broken) ?? []).includes(expected), report(rule?.check(broken) ?? []));
  },
  title: (_, says, sources, expected) =>
    `caught: ${Object.keys(sources).join(' and ')} against "${says}" (${expected})`,
});

const importing = (specifier: string): string => `\nimport {x} from '${specifier}';`;

test(breaks, 'floor', {'actors/job.ts': importing('../http/server.ts')}, 'job.ts:2 ');
test(breaks, 'floor', {'actors/job.ts': importing('../config.ts')}, 'not top');
test(breaks, 'floor', {'actors/job.ts': importing('../cluster/frame.ts')}, 'not cluster');
test(breaks, 'floor', {'cluster/frame.ts': importing('../actors/job.ts')}, 'not actors');
test(breaks, 'floor', {'http/a.ts': `const b = await import('../persistence/orm.ts');`}, 'not persistence');
test(breaks, 'floor', {'persistence/orm.ts': `import type {S} from '../http/server.ts';`}, 'not http');
test(breaks, 'floor', {'actors/domain/job.ts': importing('../job.ts')}, 'not actors');
test(breaks, 'domain rules', {'actors/domain/job.ts': importing('node:crypto')}, 'job.ts:2');
test(breaks, 'owner', {'http/server.ts': importing('kysely')}, 'persistence/');
test(breaks, 'owner', {'http/server.ts': importing('ws')}, 'http/server.ts:2');
test(breaks, 'owner', {'actors/router.ts': importing('nact')}, 'actors/runtime/');
test(breaks, 'one file imports nact', {'actors/runtime/a.ts': `import {query} from 'nact';`}, 'query');
test(breaks, 'one file imports nact', {'actors/runtime/a.ts': `import * as n from 'nact';`}, '*');
test(
  breaks,
  'one file imports nact',
  {'actors/runtime/a.ts': importing('nact'), 'actors/runtime/b.ts': importing('nact')},
  'b.ts:1',
);
test(breaks, 'chance', {'actors/a.ts': '\n\nconst at = `${Date.now()}`;'}, 'actors/a.ts:3');
test(breaks, 'chance', {'http/a.ts': 'const at = new Date();'}, 'http/a.ts:1');
test(breaks, 'chance', {'engines/a.ts': 'const home = process.env.HOME;'}, 'config.ts');
test(breaks, 'timers', {'actors/a.ts': 'setTimeout(f, 5);'}, 'Clock.after');
test(breaks, 'fetch', {'http/a.ts': importing('node:http')}, 'getBuiltinModule');
test(breaks, 'names', {'http/a.ts': 'export default 5;'}, 'http/a.ts:1');
test(breaks, 'public surfaces', {'http/index.ts': `export * from './server.ts';`}, 'http/index.ts:1');
test(breaks, 'drawer', {'http/utils.ts': ''}, 'http/utils.ts');
test(breaks, 'drawer', {'actors/common/a.ts': ''}, 'actors/common/a.ts');
test(breaks, 'kebab', {'http/errorReply.ts': ''}, 'errorReply');
test(breaks, '400 lines', {'http/a.ts': '\n'.repeat(401)}, '401');
test(breaks, 'URL', {'http/a.ts': `new Worker(new URL('./b.ts', import.meta.url))`}, 'http/a.ts:1');
test(
  breaks,
  'around a corner',
  {
    'http/a.ts': `import {b} from './b.ts';`,
    'http/b.ts': `import {c} from './c.ts';`,
    'http/c.ts': `import {a} from './a.ts';`,
  },
  'http/a.ts → http/b.ts → http/c.ts → http/a.ts',
);

test('what stands in comments, texts and regular expressions breaks nothing', t => {
  const innocent = sourceFile(
    'actors/a.ts',
    [
      `// Date.now() and import {x} from '../http/server.ts';`,
      `const say = 'Math.random() or process.env';`,
      `const find = /['"\`]Date.now/; const half = 4 / 2; /* setTimeout */`,
      'const both = `Date.now ${say.replace(/`/g, "")} Math.random`;',
    ].join('\n'),
  );
  t.is(report(rules.flatMap(({check}) => check([innocent]))), '');
});
