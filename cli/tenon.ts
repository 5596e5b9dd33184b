#!/usr/bin/env -S node --max-semi-space-size=2
/**
 * The `tenon` command's first step, in syntax that old versions of Node read too: says in one line when the Node that runs
 * is too old, otherwise hands over to `program.ts`, for short commands with a compile cache.
 *
 * The young generation is kept small by the line above and by `npm start`: it can't be changed once the process runs. An
 * idle node is 7 to 9 MB smaller for it. The compile cache saves a command 0.1 to 0.2 s of processor time; a node would save
 * 50 ms of 750 at its start, and hold 6 MB for it as long as it runs.
 */
import module from 'node:module';
import {homedir} from 'node:os';
import {join} from 'node:path';

const majorMin = 24;

if (Number(process.versions.node.split('.')[0]) < majorMin) {
  process.stderr.write(
    `tenon needs Node ${majorMin} or newer, this is ${process.version}: npx -p node@${majorMin} -p tenon tenon …\n`,
  );
  process.exitCode = 1;
} else {
  const command = process.argv.slice(2).find(word => !word.startsWith('-'));
  // A directory of our own: what lies in the shared temporary one could be somebody else's code.
  const cacheHome = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  if (command !== 'start') module.enableCompileCache(join(cacheHome, 'tenon', 'compiled'));
  const {run} = await import('./program.ts');
  await run(process.argv.slice(2));
}
