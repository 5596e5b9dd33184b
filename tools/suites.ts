/**
 * Runs test suites and closes on one line that people and CI read alike: `N passed, N failed`.
 *
 *     node tools/suites.ts                  what any machine with Node and Python 3 can run (`npm test`)
 *     node tools/suites.ts unit servers     these
 *     node tools/suites.ts all              every suite; needs the servers, browser and SDKs that .ci/run installs
 *     … --coverage DIR                      records which lines the unit suite ran, for `npm run cover:report`
 *
 * AVA's own closing line differs with what happened, so the counts are read from what it reports. A suite that ends badly
 * without a failed test (a crash, no test found) counts as one failure: silence is never a success. Skipped tests are
 * named, each time.
 */
import {spawn} from 'node:child_process';
import {join, resolve} from 'node:path';
import {existsSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {closingLine, readAvaOutput, type Tally} from './ava-output.ts';

/** Longer than any suite's own limit for a test that makes no progress. */
const silenceMsMax = 400_000;

type Suite = {readonly config: string; readonly needs: string; readonly isEverywhere: boolean};

const suites: Readonly<Record<string, Suite>> = {
  unit: {config: 'ava.config.js', needs: 'Node', isEverywhere: true},
  e2e: {config: 'ava.e2e.config.js', needs: 'Python 3', isEverywhere: true},
  conformance: {config: 'ava.conformance.config.js', needs: 'Python 3 and Perl', isEverywhere: false},
  'conformance-long': {
    config: 'ava.conformance-long.config.js',
    needs: 'Python 3',
    isEverywhere: false,
  },
  cluster: {config: 'ava.cluster.config.js', needs: 'Python 3 and MariaDB', isEverywhere: false},
  'cluster-long': {
    config: 'ava.cluster-long.config.js',
    needs: 'Python 3, MariaDB and Galera',
    isEverywhere: false,
  },
  servers: {config: 'ava.servers.config.js', needs: 'MariaDB or MySQL', isEverywhere: false},
  browser: {config: 'ava.browser.config.js', needs: 'Chromium', isEverywhere: false},
  sdk: {config: 'ava.sdk.config.js', needs: 'Java, Maven and Python 3 with pip', isEverywhere: false},
  package: {config: 'ava.package.config.js', needs: 'npm and its registry', isEverywhere: false},
};

const root = fileURLToPath(new URL('..', import.meta.url));
const ava = join(root, 'node_modules', 'ava', 'entrypoints', 'cli.js');

const {values: options, positionals: named} = parseArgs({
  allowPositionals: true,
  options: {coverage: {type: 'string'}},
});
const chosen = named.includes('all')
  ? Object.keys(suites).filter(hasTests)
  : named.length > 0
    ? named
    : Object.keys(suites).filter(name => suites[name]?.isEverywhere);

const total: Tally = {passed: 0, failed: 0, skipped: []};
for (const name of chosen) {
  const suite = suites[name];
  if (suite === undefined) {
    console.error(`There is no suite '${name}'. There are: ${Object.keys(suites).join(', ')}, and 'all'.`);
    process.exit(2);
  }
  const startedMs = performance.now();
  const {passed, failed, skipped} = await run(suite, name === 'unit' ? options.coverage : undefined);
  total.passed += passed;
  total.failed += failed;
  total.skipped.push(...skipped);
  const tookS = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped.length} skipped in ${tookS} s\n`);
}
for (const title of total.skipped) console.log(`skipped: ${title}`);
console.log(closingLine(total));
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

/** Suites of later issues may have no tests yet. */
function hasTests(name: string): boolean {
  return name === 'unit' || [name, `${name}-e2e`].some(folder => existsSync(join(root, 'test', folder)));
}

/** Shows failures whole, and of what passed only that it did. */
async function run({config, needs}: Suite, coverageDirectory: string | undefined): Promise<Tally> {
  const child = spawn(process.execPath, [ava, '--config', config], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    // Only here: nodes and engines that other suites start are timed, and recording makes them slower.
    env: {
      ...process.env,
      NO_COLOR: '1',
      ...(coverageDirectory === undefined ? {} : {NODE_V8_COVERAGE: resolve(root, coverageDirectory)}),
    },
  });
  const ended = new Promise<string>(settle => {
    child.once('error', error => settle(error.message));
    child.once('exit', (code, signal) => settle(code === 0 ? '' : `exit ${code ?? signal}`));
  });
  const output = readAvaOutput(line => console.log(line));
  // A worker that neither works nor ends keeps AVA from ending, whatever AVA's own time limit.
  const giveUp = setTimeout(() => child.kill('SIGKILL'), silenceMsMax);
  for await (const line of createInterface({input: child.stdout})) {
    giveUp.refresh();
    output.line(line);
  }
  clearTimeout(giveUp);
  const tally = output.tally();
  const why = await ended;
  if (tally.failed === 0 && (why !== '' || tally.passed === 0)) {
    tally.failed = 1;
    const what = why === '' ? 'no test ran' : `AVA ended with ${why}, and no test failed`;
    console.log(`not ok - ${config}: ${what} (this suite needs ${needs})`);
  }
  return tally;
}
