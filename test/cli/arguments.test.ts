import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {resolveConnection} from '../../cli/connection.ts';
import {exitCodeOf, exitCodes} from '../../cli/exit-code.ts';
import {parseJobReference} from '../../cli/job-task.ts';
import {parseStart, startHelp} from '../../cli/start-command.ts';
import {submissionBody, type SubmissionOptions} from '../../cli/submission-body.ts';
import {nodeSettings} from '../../node-options.ts';
import {runClient} from '../support/client-run.ts';
import {captureTerminal} from '../support/capture-terminal.ts';

const nowhere = 'http://127.0.0.1:1';

const misused = test.macro<[readonly string[], RegExp]>({
  async exec(t, argv, message) {
    const {code, stdout, stderr} = await runClient(nowhere, argv);
    t.is(code, exitCodes.usage);
    t.is(stdout, '');
    t.regex(stderr, message);
  },
  title: (_, argv) => `can't be used: tenon ${argv.join(' ')}`,
});

test(misused, ['nonsense'], /unknown command 'nonsense'/);
test(misused, [], /Usage: tenon/);
test(misused, ['status'], /missing required argument 'job'/);
test(misused, ['status', 'seven'], /A job is named by its number or its execID, not seven/);
test(misused, ['status', '7', '8'], /too many arguments/);
test(misused, ['log', '7', '--from', '-1'], /It must be a whole number from 0 on/);
test(misused, ['list', '--limit', '0'], /It must be a whole number from 1 on/);
test(misused, ['submit', '--label', 'route'], /It must be KEY=VALUE/);
test(misused, ['submit', '--code', 'x', '--file', 'y'], /Give --code or --file, not both/);
test(misused, ['submit', '--code', ' '], /There is no code to run: it is empty/);
test(misused, ['submit', '--file', '/no/such/file'], /\/no\/such\/file can't be read/);
test(misused, ['submit'], /give --code TEXT or --file FILE, or pipe it in/);
test(misused, ['submit', '--code', 'x', '--code-type', 'sql'], /Which engine is to run code of type sql/);
test(misused, ['result', '7', '--csv', '--json'], /Give --csv or --json, not both/);
test(misused, ['status', '7', '--url', 'ftp://x'], /must be http:\/\/HOST:PORT/);
test(misused, ['status', '7', '--url', 'http://a:b@x'], /A URL with a password in it/);
test(misused, ['status', '7', '--password-file', '/no/such'], /\/no\/such can't be read/);
test(misused, ['start', '--nonsense'], /Unknown option '--nonsense'.* See tenon start --help/);
test(misused, ['start', 'now'], /Unexpected argument 'now'/);
test(misused, ['start', '--listen', 'here'], /listen must be HOST:PORT/);

test('help and version are answers, on standard output', async t => {
  const help = await runClient(nowhere, ['--help']);
  t.is(help.code, 0);
  t.regex(help.stdout, /Usage: tenon .*submit.*Exit codes:.*130 {2}Ctrl-C/s);
  t.is(help.stderr, '');
  t.regex((await runClient(nowhere, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  t.regex((await runClient(nowhere, ['submit', '--help'])).stdout, /--engine-type <type>/);
  t.regex((await runClient(nowhere, ['user', '--help'])).stdout, /add.*list.*password.*remove/s);
  t.regex((await runClient(nowhere, ['token', '--help'])).stdout, /add.*list.*revoke/s);
  t.is((await runClient(nowhere, ['start', '--help'])).stdout, startHelp());
});

test('start takes every setting of a node, lists in one option or several', t => {
  t.deepEqual(
    parseStart([
      '--listen',
      'a:1',
      '--label',
      'route=a,x=b',
      '--label=y=c',
      '--listen',
      'b:2',
      '--set',
      'http.port=5',
      '--config',
      'f',
    ]),
    {listen: 'b:2', label: ['route=a', 'x=b', 'y=c'], set: ['http.port=5'], config: 'f'},
  );
  t.deepEqual(parseStart([]), {});
  for (const key of Object.keys(nodeSettings)) {
    t.regex(
      startHelp(),
      new RegExp(`--${key.replaceAll(/[A-Z]/g, capital => `-${capital.toLowerCase()}`)} `),
    );
  }
});

test('a job is named by its number or its execID', t => {
  t.is(parseJobReference('7'), 7);
  t.is(parseJobReference('exec_id018014linkis-cg-entrancelocalhost:9001IDE_hadoop_shell_42'), 42);
  for (const text of ['0', '-1', '1.5', 'exec_id', 'exec_id018014x', '9'.repeat(17), '']) {
    t.throws(() => parseJobReference(text), {message: /A job is named by its number/}, text);
  }
});

test('the exit code of a job is its fate', t => {
  t.deepEqual(
    (['Succeed', 'Failed', 'Cancelled', 'Timeout', 'Running', 'WaitForRetry'] as const).map(exitCodeOf),
    [0, 1, 3, 4, 0, 0],
  );
});

const kindOf = (options: SubmissionOptions): unknown[] => {
  const {executionContent, labels} = submissionBody(options, 'x', 'hadoop') as {
    executionContent: {runType: string};
    labels: {engineType: string};
  };
  return [labels.engineType, executionContent.runType];
};

test('engine and code type follow from each other, and from the name of the file', t => {
  t.deepEqual(kindOf({}), ['shell-1', 'shell']);
  t.deepEqual(kindOf({file: 'a/b.py'}), ['python-python3', 'python']);
  t.deepEqual(kindOf({file: 'B.SH'}), ['shell-1', 'shell']);
  t.deepEqual(kindOf({codeType: 'python'}), ['python-python3', 'python']);
  t.deepEqual(kindOf({engineType: 'python'}), ['python-python3', 'python']);
  t.deepEqual(kindOf({engineType: 'jdbc-4'}), ['jdbc-4', 'sql']);
  t.deepEqual(kindOf({engineType: 'spark-3.2.1', file: 'x.py'}), ['spark-3.2.1', 'python']);
  t.deepEqual(kindOf({label: {engineType: 'trino', codeType: 'tsql'}}), ['trino-371', 'tsql']);
});

test('labels, variables, parameters, creator and execute user go where they belong', t => {
  const options = {
    label: {route: 'et1'},
    var: {day: '5'},
    param: {a: 'b'},
    creator: 'mine',
    executeUser: 'bob',
    file: 'x.sh',
  };
  t.deepEqual(submissionBody(options, 'echo', 'hadoop'), {
    executionContent: {code: 'echo', runType: 'shell'},
    labels: {userCreator: 'bob-mine', route: 'et1', engineType: 'shell-1'},
    params: {variable: {day: '5'}, configuration: {startup: {}, runtime: {a: 'b'}, special: {}}},
    source: {scriptPath: 'x.sh'},
    executeUser: 'bob',
  });
});

test('flags go before the environment, and that before the credentials of a node on this machine', t => {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-cli-'));
  t.teardown(() => rmSync(directory, {recursive: true}));
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  write('credentials', 'user: admin\npassword: generated\n');
  const secret = write('secret', 'from a file\n');
  const environment = {
    TENON_URL: 'https://tenon.example.com/base/',
    TENON_USER: 'eve',
    TENON_PASSWORD: 'from environment',
  };

  t.deepEqual(resolveConnection({user: 'bob', passwordFile: secret, url: 'http://h:1/'}, environment), {
    url: 'http://h:1',
    identity: {type: 'password', user: 'bob', password: 'from a file'},
  });
  t.deepEqual(resolveConnection({tokenFile: secret}, environment), {
    url: 'https://tenon.example.com/base',
    identity: {type: 'token', user: 'eve', token: 'from a file'},
  });
  t.deepEqual(resolveConnection({data: directory}, environment).identity, {
    type: 'password',
    user: 'eve',
    password: 'from environment',
  });
  t.deepEqual(resolveConnection({data: directory}, {}), {
    url: 'http://127.0.0.1:9001',
    identity: {type: 'password', user: 'admin', password: 'generated'},
  });
  t.is(
    resolveConnection({}, {TENON_DATA: directory, TENON_URL: 'http://localhost:5'}).identity.user,
    'admin',
  );
  t.is(resolveConnection({data: directory, user: 'Admin'}, {}).identity.user, 'admin');

  const refused = (
    options: Parameters<typeof resolveConnection>[0],
    from: Record<string, string> = {},
  ): string => t.throws(() => resolveConnection(options, from))?.message ?? '';
  t.regex(
    refused({data: directory, url: 'http://192.0.2.1:9001'}),
    /^Who are you\?/,
    'never sent to another machine',
  );
  t.regex(refused({data: directory, user: 'bob'}), /^Who are you\?/);
  t.regex(refused({data: join(directory, 'none')}), /^Who are you\?/);
  t.regex(refused({}, {TENON_TOKEN: 'x'}), /There is a token, but no user/);
  t.regex(refused({tokenFile: secret, passwordFile: secret}), /not both/);
  t.regex(refused({user: 'bob', passwordFile: write('blank', '\n')}), /blank is empty/);
  write('credentials', 'nothing of use');
  t.regex(refused({data: directory}), /must have a line "user: NAME"/);
});

test('code comes from standard input when it is piped in, or asked for by a dash', async t => {
  for (const argv of [['submit'], ['submit', '--file', '-']]) {
    const {code, stderr} = await runClient(nowhere, argv, {terminal: captureTerminal('echo piped')});
    t.is(code, exitCodes.connection, stderr);
  }
});
