/**
 * What `deploy/` says is held against the code: its YAML parses, its options and variables are settings, its paths exist.
 * Nothing is rendered or run here; deploy/README.md says what was.
 */
import {spawnSync} from 'node:child_process';
import {existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {parseAllDocuments, parse as parseYaml} from 'yaml';
import {environmentName, readConfig, settingGroups} from '../../config.ts';
import {projectRoot} from '../support/source-tree.ts';

const chart = 'deploy/helm/tenon';
const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const files = globSync('deploy/**', {cwd: projectRoot})
  .filter(path => !path.startsWith('deploy/secrets') && statSync(join(projectRoot, path)).isFile())
  .toSorted();
const templates = files.filter(path => path.startsWith(`${chart}/templates/`));

type Tree = {readonly [key: string]: unknown};
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;
/** Undefined where a step of the path is missing, unlike a value that is empty. */
const at = (tree: unknown, keys: readonly string[]): unknown =>
  keys.reduce<unknown>((inner, key) => (isTree(inner) ? inner[key] : undefined), tree);
const unique = (texts: Iterable<string>): string[] => [...new Set(texts)].toSorted();
const matches = (text: string, pattern: RegExp): string[] =>
  unique([...text.matchAll(pattern)].map(found => found[1] ?? ''));

/* The checks: each takes text and gives what is wrong with it. */

const optionOf = (key: string): string =>
  `--${key.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
const options = new Set(['--config', '--set', ...Object.keys(settingGroups.node).map(optionOf)]);
/** Of `npm`, Docker, the database and the scripts here, which stand beside those of `tenon start`. */
const othersOptions =
  /^--(?:ignore|workspaces|no-|omit|yes|gid|uid|home|shell|directory|mode|owner|group|from|build|wait|stop-timeout|interval|timeout|start-period|retries|character-set|collation|innodb|connect|linger|max-semi|kill-whom|values|namespace|create-namespace|strict|cap-drop|init|now|read-only|tmpfs)\b/;

const unknownOptions = (text: string): string[] =>
  matches(text, /(?<![\w-])(--[a-z][a-z-]*)/g).filter(
    name => !options.has(name) && !othersOptions.test(name),
  );

const variables = new Set([
  'TENON_CONFIG',
  ...Object.entries(settingGroups).flatMap(([group, settings]) =>
    Object.keys(settings).map(key => environmentName(group, key)),
  ),
]);
const unknownVariables = (text: string): string[] =>
  matches(text, /\b(TENON_[A-Z][A-Z_]*[A-Z])\b/g).filter(name => !variables.has(name));

const unknownSettings = (text: string): string[] =>
  matches(text, /\b((?:http|stream|governance|submission|retention)\.[a-z]\w*)/g).filter(name => {
    const [group = '', key = ''] = name.split('.');
    return at(settingGroups, [group, key]) === undefined;
  });

/** An action begins and ends on one line here, and none stands in another; blocks end as often as they begin. */
function unbalanced(template: string): string[] {
  const open: string[] = [];
  const wrong = template.split('\n').flatMap((line, index) => {
    const marks = line.replaceAll(/\{\{(?:(?!\{\{).)*?\}\}/g, '');
    return /\{\{|\}\}/.test(marks) ? [`line ${index + 1}: ${line.trim()}`] : [];
  });
  for (const [, word = ''] of template.matchAll(/\{\{-?\s*(if|range|with|define|end|else)\b/g)) {
    if (word === 'end' && open.pop() === undefined) wrong.push('an end too many');
    else if (word !== 'end' && word !== 'else') open.push(word);
  }
  return [...wrong, ...open.map(word => `${word} has no end`)];
}

/** `.Values.a.b` and, of a pool with its defaults, `$pool.a.b`. */
const unknownValues = (template: string, values: unknown): string[] => [
  ...matches(template, /\.Values\.([A-Za-z][\w.]*)/g).filter(
    path => at(values, path.split('.')) === undefined,
  ),
  ...matches(template, /\$pool\.([A-Za-z][\w.]*)/g)
    .filter(path => at(values, ['poolDefaults', ...path.split('.')]) === undefined)
    .map(path => `pool.${path}`),
];

const unusedValues = (values: Tree, text: string): string[] =>
  Object.keys(values).filter(key => !text.includes(`.Values.${key}`));

function missingCopies(dockerfile: string): string[] {
  return [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)]
    .flatMap(([, sources = '']) => sources.split(' '))
    .filter(source => globSync(source, {cwd: projectRoot}).length === 0);
}

/* The files as they are. */

for (const path of files) {
  test(`${path} names options, variables and settings that exist`, t => {
    const text = read(path);
    t.deepEqual([...unknownOptions(text), ...unknownVariables(text), ...unknownSettings(text)], []);
  });
}

test('every YAML file parses, and says nothing twice', t => {
  const plain = files.filter(path => /\.ya?ml$/.test(path) && !templates.includes(path));
  t.deepEqual(plain, [`deploy/compose.yaml`, `${chart}/Chart.yaml`, `${chart}/values.yaml`]);
  for (const path of plain) {
    const documents = parseAllDocuments(read(path), {merge: true});
    t.deepEqual(
      Array.isArray(documents) && documents.flatMap(({errors, warnings}) => [...errors, ...warnings]),
      [],
    );
  }
});

test('templates are balanced and use values that exist, and every value is used', t => {
  const values = parseYaml(read(`${chart}/values.yaml`)) as Tree;
  t.true(templates.length >= 8);
  for (const path of templates)
    t.deepEqual([...unbalanced(read(path)), ...unknownValues(read(path), values)], [], path);
  t.deepEqual(unusedValues(values, templates.map(read).join('\n')), []);
});

test('an included template is defined', t => {
  const text = templates.map(read).join('\n');
  const defined = new Set(matches(text, /define "([\w.]+)"/g));
  t.deepEqual(
    matches(text, /include "([\w.]+)"/g).filter(name => !defined.has(name)),
    [],
  );
});

test('what the Dockerfile copies is there, and is sent to the builder', t => {
  const dockerfile = read('deploy/Dockerfile');
  t.deepEqual(missingCopies(dockerfile), []);
  const sent = read('deploy/Dockerfile.dockerignore').split('\n');
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = '']) =>
    names.split(' '),
  );
  t.deepEqual(
    copied.filter(name => !sent.includes(`!${name}`)),
    [],
  );
  // The build needs every folder that is compiled.
  const {include} = JSON.parse(read('tsconfig.build.json')) as {include: string[]};
  t.deepEqual(
    include.filter(name => !name.endsWith('.ts') && !copied.includes(name)),
    [],
  );
});

const compose = parseYaml(read('deploy/compose.yaml'), {merge: true}) as {
  services: Record<string, {hostname?: string; command?: string[]; environment?: Record<string, string>}>;
};

test('names of compose services can be hosts of nodes', t => {
  t.deepEqual(
    Object.keys(compose.services).filter(name => !/^[a-z][a-z0-9-]*$/.test(name)),
    [],
  );
});

test('the nodes of compose.yaml start with a configuration that is valid, each under its own name', t => {
  const nodes = Object.entries(compose.services).filter(([, {command}]) => command?.[0] === 'tenon');
  t.is(nodes.length, 3);
  const directories = nodes.map(([name, {hostname, command = [], environment = {}}]) => {
    const pairs = command.slice(2).reduce<[string, string][]>((all, word) => {
      const key = word.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
      const last = all.at(-1);
      if (word.startsWith('--')) all.push([key, '']);
      else if (last !== undefined) last[1] = word;
      return all;
    }, []);
    // The file of the database's URL is made on the host.
    const {TENON_CONFIG, ...rest} = environment;
    t.is(TENON_CONFIG, '/run/secrets/tenon_yaml');
    const {node, dataDirectory} = readConfig({options: Object.fromEntries(pairs), environment: rest});
    t.is(hostname, name);
    t.is(node.cluster, `${name}:9002`);
    for (const peer of node.join) t.true(Object.hasOwn(compose.services, peer.split(':')[0] ?? ''), peer);
    return dataDirectory;
  });
  t.is(new Set(directories).size, 3);
});

test('the systemd unit leaves engines alone, and holds what they need to live on', t => {
  const unit = read('deploy/systemd/tenon.service');
  for (const line of [
    'KillMode=process',
    'OOMPolicy=continue',
    'RuntimeDirectoryPreserve=yes',
    'PrivateTmp=no',
  ])
    t.true(unit.split('\n').includes(line), line);
});

const verify = spawnSync('systemd-analyze', ['--version']).error === undefined ? test : test.skip;
verify('systemd accepts the unit', t => {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-unit-'));
  t.teardown(() => rmSync(directory, {recursive: true}));
  const path = join(directory, 'tenon.service');
  // This Node in place of the one that is to be installed: systemd looks for the program.
  writeFileSync(path, read('deploy/systemd/tenon.service').replace('/usr/bin/node', process.execPath));
  const {status, stderr} = spawnSync('systemd-analyze', ['verify', '--man=no', path], {encoding: 'utf8'});
  t.is(stderr, '');
  t.is(status, 0);
});

for (const script of ['deploy/container/run-node', 'deploy/make-secrets']) {
  test(`${script} can be executed, and the shell understands it`, t => {
    t.not(statSync(join(projectRoot, script)).mode & 0o111, 0);
    t.is(spawnSync('sh', ['-n', join(projectRoot, script)], {encoding: 'utf8'}).stderr, '');
  });
}

/* The checks themselves: one that can't fail holds nothing. */

test('caught: options, variables, settings and values that nobody has', t => {
  t.deepEqual(unknownOptions('tenon start --listen a:1 --clusters b:2'), ['--clusters']);
  t.deepEqual(unknownVariables('TENON_LISTEN=a TENON_LISTENS=b TENON_HTTP_BODY_BYTES_MAX=1'), [
    'TENON_LISTENS',
  ]);
  t.deepEqual(unknownSettings('--set governance.enginesMax=1 http.tlsFile'), ['http.tlsFile']);
  t.deepEqual(unknownValues('{{ .Values.a.b }} {{ $.Values.a.c }} {{ $pool.d }}', {a: {b: ''}}), [
    'a.c',
    'pool.d',
  ]);
  t.deepEqual(unusedValues({a: 1, b: 2}, '.Values.a'), ['b']);
  t.deepEqual(missingCopies('COPY config.ts nowhere.ts ./\nCOPY --from=build /x y\n'), ['nowhere.ts']);
});

test('caught: templates that are not balanced', t => {
  t.deepEqual(unbalanced('{{ if .a }}{{ else }}x{{ end }}'), []);
  t.deepEqual(unbalanced('{{- if .a }}'), ['if has no end']);
  t.deepEqual(unbalanced('{{ end }}'), ['an end too many']);
  t.deepEqual(unbalanced('a: {{ .b }'), ['line 1: a: {{ .b }']);
  t.deepEqual(unbalanced('{a: {{ .b }}}}'), ['line 1: {a: {{ .b }}}}']);
});

test('caught: a run of a container that is asked for nonsense', t => {
  const run = (...args: string[]) =>
    spawnSync(join(projectRoot, 'deploy/container/run-node'), args, {encoding: 'utf8', timeout: 10_000})
      .status;
  t.is(run(), 2);
  t.is(run('--linger', 'soon', 'true'), 2);
  t.is(run('sh', '-c', 'exit 5'), 5);
  // A first start that fails is the orchestrator's business.
  t.is(run('sh', '-c', 'exit 1'), 1);
  t.is(existsSync(join(projectRoot, 'deploy/README.md')), true);
});

test('run-node starts again what died, until it ends by itself', t => {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-run-'));
  t.teardown(() => rmSync(directory, {recursive: true}));
  const script = `echo x >> ${directory}/starts; [ $(wc -l < ${directory}/starts) -gt 1 ] && exit 0; kill -KILL $$`;
  const {status, stderr} = spawnSync(
    join(projectRoot, 'deploy/container/run-node'),
    ['--linger', '0', 'sh', '-c', script],
    {encoding: 'utf8', timeout: 20_000},
  );
  t.is(status, 0);
  t.true(stderr.includes('ended with code 137 and is started again in 1 s'), stderr);
  t.is(readFileSync(join(directory, 'starts'), 'utf8'), 'x\nx\n');
});
