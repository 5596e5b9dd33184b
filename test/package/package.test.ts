/**
 * The package as others get it: packed, and installed in an empty folder that knows nothing of this checkout.
 */
import {existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import test from 'ava';
import {run, type CommandResult} from '../support/command.ts';
import {startNode} from '../support/node-process.ts';
import {projectRoot} from '../support/source-tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'tenon-package-'));
const installed = join(folder, 'node_modules', 'tenon');

/** Nothing of the checkout but its Node, and nothing of the npm that may have started these tests. */
const environment: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') && name !== 'NODE_OPTIONS'),
);

const inFolder = (program: string, ...args: string[]): Promise<CommandResult> =>
  run(program, args, {cwd: folder, environment});

test.before('the package is packed and installed', async t => {
  t.timeout(300_000);
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: projectRoot,
    environment,
  });
  t.is(packed.code, 0, packed.stderr + packed.stdout);
  const tarball = readdirSync(folder).find(name => name.endsWith('.tgz')) ?? '';
  writeFileSync(join(folder, 'package.json'), '{"name": "consumer", "type": "module", "private": true}');
  const install = await inFolder('npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', tarball);
  t.is(install.code, 0, install.stderr + install.stdout);
});

test.after.always('the folder is removed', () => rmSync(folder, {recursive: true, force: true}));

test('it ships what runs, and neither sources nor tests nor maps', t => {
  const files = readdirSync(installed, {recursive: true, encoding: 'utf8'});
  for (const needed of ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/index.js', 'dist/index.d.ts']) {
    t.true(files.includes(needed), `${needed} is missing`);
  }
  t.deepEqual(
    files.filter(name =>
      /(?<!\.d)\.ts$|\.map$|^(?:dist\/)?(?:test|bench|tools)(?:\/|$)|__pycache__/.test(name),
    ),
    [],
  );
});

test('what is no TypeScript is shipped as it is', async t => {
  const {stdout} = await run('git', ['ls-files', '-co', '--exclude-standard', 'engines', 'http'], {
    cwd: projectRoot,
  });
  const assets = stdout.split('\n').filter(name => name !== '' && !/\.(?:ts|md)$/.test(name));
  t.true(assets.length > 0);
  for (const name of assets) t.true(existsSync(join(installed, 'dist', name)), `${name} is missing`);
});

test('npx tenon --help explains the command', async t => {
  const {code, stdout, stderr} = await inFolder('npx', '--no-install', 'tenon', '--help');
  t.is(code, 0, stderr);
  for (const command of ['start', 'submit', 'status', 'log', 'kill', 'list']) {
    t.regex(stdout, new RegExp(`\\b${command}\\b`));
  }
});

test('it is the version that package.json says', async t => {
  const {code, stdout} = await inFolder('npx', '--no-install', 'tenon', '--version');
  t.is(code, 0);
  t.regex(stdout.trim(), /^\d+\.\d+\.\d+$/);
});

test('the installed node listens, takes a job and ends it', async t => {
  const node = await startNode(t, {program: join(installed, 'dist', 'cli', 'tenon.js')});
  await node.login();
  const {data} = await node.api<{execID: string}>('entrance/submit', {
    body: {
      executionContent: {code: 'echo installed', runType: 'shell'},
      labels: {engineType: 'shell-1', userCreator: `${node.credentials().user}-IDE`},
    },
  });
  const deadline = performance.now() + 20_000;
  let status = '';
  while (status !== 'Succeed' && performance.now() < deadline) {
    ({status} = (await node.api<{status: string}>(`entrance/${data.execID}/status`)).data);
    await delay(20);
  }
  t.is(status, 'Succeed');
});

const consumer = `
import {createCluster} from 'tenon';
const cluster = await createCluster({data: './tenon-data'});
// @ts-expect-error a name that is not there is noticed, so the types are really read
cluster.thereIsNoSuchThing;
`;

for (const [module, resolution] of [
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
] as const) {
  test(`a consumer's TypeScript is checked against its types (${resolution})`, async t => {
    writeFileSync(join(folder, `consumer-${resolution}.ts`), consumer);
    const {code, stdout} = await inFolder(
      process.execPath,
      join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc'),
      ...['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2024'],
      ...['--module', module, '--moduleResolution', resolution],
      ...['--typeRoots', join(projectRoot, 'node_modules', '@types'), '--types', 'node'],
      `consumer-${resolution}.ts`,
    );
    t.is(code, 0, stdout);
  });
}

test('importing it does nothing by itself', async t => {
  const program = `import('tenon').then(m => console.log(Object.keys(m).includes('createCluster')))`;
  const {code, stdout, stderr} = await inFolder(process.execPath, '-e', program);
  t.deepEqual({code, stdout: stdout.trim(), stderr}, {code: 0, stdout: 'true', stderr: ''});
});

test('an older Node is told in one line what is needed', async t => {
  const old = await olderNode();
  const {code, stdout, stderr} = await run(old, [join(installed, 'dist', 'cli', 'tenon.js'), 'start'], {
    cwd: folder,
    environment,
  });
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(stderr, /^[^\n]*Node[^\n]*24[^\n]*\n$/);
});

/** One that the machine has, otherwise one from the registry. */
async function olderNode(): Promise<string> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(directory, 'node');
    if (!existsSync(candidate)) continue;
    const {stdout} = await run(candidate, ['--version']);
    if (Number(/^v(\d+)/.exec(stdout)?.[1]) < 24) return candidate;
  }
  const elsewhere = mkdtempSync(join(folder, 'node-20-'));
  const name = `node-linux-${process.arch}`;
  const got = await run('npm', ['install', '--prefix', elsewhere, '--no-audit', '--no-fund', `${name}@20`], {
    environment,
  });
  if (got.code !== 0) throw new Error(`There is no older Node to try: ${got.stderr}`);
  return join(elsewhere, 'node_modules', name, 'bin', 'node');
}
