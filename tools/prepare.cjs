/**
 * What npm runs after `npm ci` in a checkout, and before `npm pack`: builds `dist/`, so that `npm ci && npm start` works.
 *
 * Does nothing where there is nothing to build with: in a production install (`--omit=dev` leaves TypeScript out) and in
 * an unpacked package. CommonJS in the plainest syntax, since any Node may be asked to run it.
 */
'use strict';
const {spawnSync} = require('node:child_process');
const {existsSync} = require('node:fs');
const {join} = require('node:path');

const root = join(__dirname, '..');
const needed = ['tools/build.ts', 'tsconfig.build.json', 'node_modules/typescript/package.json'];

if (needed.every(path => existsSync(join(root, path)))) {
  // npm itself may run on an older Node; the one that `npm ci` brought is the one to build with.
  const brought = join(root, 'node_modules', '.bin', 'node');
  const node = existsSync(brought) ? brought : process.execPath;
  const {status} = spawnSync(node, [join(root, 'tools', 'build.ts')], {cwd: root, stdio: 'inherit'});
  process.exitCode = status === null ? 1 : status;
}
