/**
 * Builds the package into `dist/`: what `tsc` compiles, and beside it, as they are, the files it does not (the engine
 * host's Python, the console's pages). A build that fails leaves the former `dist/` alone: a node may be running from it.
 *
 * Called by `npm run build`, and by `prepare` after `npm ci` and before `npm pack`.
 */
import {spawnSync} from 'node:child_process';
import {chmodSync, cpSync, existsSync, readFileSync, renameSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, relative, sep} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'dist');
const fresh = join(root, `.dist-${process.pid}`);

const {bin} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {bin: Record<string, string>};
const {include} = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8')) as {include: string[]};

const neverShipped = new Set(['__pycache__', 'node_modules', '.DS_Store']);

function isAsset(path: string): boolean {
  if (path.endsWith('.ts') || path.endsWith('.md')) return false;
  return !relative(root, path)
    .split(sep)
    .some(part => neverShipped.has(part));
}

function compile(): boolean {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const options = ['-p', 'tsconfig.build.json', '--outDir', fresh, '--checkers', '2'];
  const {status} = spawnSync(process.execPath, [join(typescript, 'bin', 'tsc'), ...options], {
    cwd: root,
    stdio: 'inherit',
  });
  return status === 0;
}

function copyAssets(): void {
  for (const folder of include.filter(name => !name.endsWith('.ts'))) {
    const source = join(root, folder);
    if (existsSync(source)) cpSync(source, join(fresh, folder), {recursive: true, filter: isAsset});
  }
}

/** npm makes linked commands executable, but not those of a checkout. */
function markExecutable(): void {
  for (const path of Object.values(bin)) {
    const built = join(fresh, path.replace('./dist/', ''));
    if (existsSync(built)) chmodSync(built, 0o755);
  }
}

function replaceTarget(): void {
  const former = `${fresh}-former`;
  if (existsSync(target)) renameSync(target, former);
  renameSync(fresh, target);
  rmSync(former, {recursive: true, force: true});
}

try {
  if (compile()) {
    copyAssets();
    markExecutable();
    replaceTarget();
  } else {
    console.error('The build stopped at the mistakes above; dist/ is as it was.');
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, {recursive: true, force: true});
}
