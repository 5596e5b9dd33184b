import test from 'ava';
import type {JobDraft} from '../../../actors/checks/job-draft.ts';
import {NoCodeLeftError, runChecks} from '../../../actors/checks/pre-execution.ts';
import type {SubmissionSettings} from '../../../actors/submission-settings.ts';
import {intakeContext, shellDraft, sqlDraft, withSettings} from '../../support/submission-context.ts';
import {linkisErrorOf} from '../../support/linkis-error.ts';

type Case = {readonly draft?: Partial<JobDraft>; readonly settings?: Partial<SubmissionSettings>};

const check = (base: JobDraft, {draft = {}, settings = {}}: Case = {}): JobDraft =>
  runChecks({...base, ...draft}, withSettings(settings));

const refuses = test.macro<[JobDraft, Case, number, string | RegExp]>((t, base, given, code, message) => {
  const error = linkisErrorOf(() => check(base, given));
  t.is(error.code, code);
  if (typeof message === 'string') t.is(error.message, message);
  else t.regex(error.message, message);
});

const pythonDraft: JobDraft = {
  ...shellDraft,
  codeType: 'python',
  engineType: {type: 'python', version: 'python3'},
};
const scalaDraft: JobDraft = {...shellDraft, codeType: 'scala'};

test('an ordinary job passes unchanged, but for its retry parameters', t => {
  t.deepEqual(check(shellDraft), {
    ...shellDraft,
    params: {
      configuration: {
        startup: {'linkis.task.retry.num': 2, 'wds.linkis.orchestrator.task.retry.wait.time': 5000},
      },
    },
  });
});

/* labels */

test(
  'without an engine type label',
  refuses,
  shellDraft,
  {draft: {labels: {userCreator: 'hadoop-IDE'}}},
  50079,
  'engineTypeLabel must be need',
);
test(
  'without a user-creator label',
  refuses,
  shellDraft,
  {draft: {labels: {engineType: 'shell-1'}}},
  50079,
  'UserCreatorLabel must be need',
);
test(
  'a label of somebody else',
  refuses,
  shellDraft,
  {draft: {labels: {engineType: 'shell-1', userCreator: 'root-IDE'}}},
  50080,
  'SubmitUser : hadoop must be the same as ExecuteUser : hadoop , and user : root in userCreatorLabel.',
);
test('the user of the label is compared ignoring case', t => {
  t.notThrows(() => check(shellDraft, {draft: {labels: {engineType: 'shell-1', userCreator: 'Hadoop-IDE'}}}));
});
test(
  'an engine of its own that is spread over several',
  refuses,
  shellDraft,
  {draft: {labels: {...shellDraft.labels, executeOnce: '', loadBalance: '2-g'}}},
  20009,
  /executeOnce and loadBalance exclude each other/,
);

/* shell */

const loop =
  'for i in 1 2 3; do echo $i; sleep 1; done; kill -0 $$; rm -f /tmp/x; python3 -c pass\nsh ./run.sh';

test('an ordinary script passes while the shell check is off, which is the default', t => {
  t.is(check(shellDraft, {draft: {code: loop}}).code, loop);
});
const shellCheck = {shellDangerCheck: true};
test(
  'a listed word in shell code',
  refuses,
  shellDraft,
  {draft: {code: 'cd /tmp\nrm -rf x'}, settings: shellCheck},
  50081,
  /^Shell code contains blacklisted code\(shell中包含黑名单代码\): rm /,
);
test(
  'a line that ends in a script',
  refuses,
  shellDraft,
  {draft: {code: 'bash run.sh  \necho'}, settings: shellCheck},
  50081,
  /: run\.sh/,
);
test('a listed word is a whole word, and counts in shell code only', t => {
  const code = 'echo format.sh.txt perform findings --rm';
  t.is(check(shellDraft, {draft: {code}, settings: shellCheck}).code, code);
  t.notThrows(() => check(pythonDraft, {draft: {code: 'for i in x: pass'}, settings: shellCheck}));
});
test('own words replace the list', t => {
  const settings = {shellDangerCheck: true, shellDangerTokens: ['dd']};
  t.notThrows(() => check(shellDraft, {draft: {code: loop.split('\n')[0] ?? ''}, settings}));
  linkisErrorOf(() => check(shellDraft, {draft: {code: 'dd if=a'}, settings}));
});

/* scala, python */

test(
  'Scala code that ends its engine',
  refuses,
  scalaDraft,
  {draft: {code: 'val a = 1\nSystem.exit(0)'}},
  20074,
  /contains System\.exit/,
);
test(
  'Scala code put together by a variable',
  refuses,
  scalaDraft,
  {draft: {code: 'sc.${x}()', params: {variable: {x: 'stop'}}}},
  20074,
  /sc\.stop/,
);
test('the Scala check can be switched off', t => {
  t.notThrows(() => check(scalaDraft, {draft: {code: 'sc.stop()'}, settings: {scalaCodeCheck: false}}));
});
const pythonCheck = {pythonCodeCheck: true};
test(
  'a listed Python call',
  refuses,
  pythonDraft,
  {draft: {code: 'import os\nos.system ("ls")'}, settings: pythonCheck},
  20074,
  /calls os\.system/,
);
test('a Python name that only looks like it, a comment, or no call', t => {
  const code = '# eval(x)\n  # os.system("a")\nevaluate(1); my.exec(2); f = eval\nliteral_eval("1")';
  t.notThrows(() => check(pythonDraft, {draft: {code}, settings: pythonCheck}));
  t.notThrows(() => check(pythonDraft, {draft: {code: 'eval("1")'}}), 'off by default');
});

/* variables */

test('variables of the request are replaced, and the log says so', t => {
  const {code, logLines} = check(shellDraft, {
    draft: {code: 'echo ${day} ${user}', params: {variable: {day: 5}}},
  });
  t.is(code, 'echo 5 hadoop');
  t.deepEqual(logLines, ['Variables in the code were replaced.']);
});
test('substitution can be switched off, and needs a language', t => {
  const code = 'echo ${user}';
  t.is(check(shellDraft, {draft: {code}, settings: {variableSubstitution: false}}).code, code);
  t.is(check(shellDraft, {draft: {code, codeType: 'whatever'}}).code, code);
});
test(
  'an expression that can not be',
  refuses,
  shellDraft,
  {draft: {code: 'echo ${run_date*2}'}},
  20046,
  /DateType is not supported to use:\*/,
);

/* sql */

test('selects of creator IDE get a limit, and the log says so', t => {
  const {code, logLines} = check(sqlDraft, {draft: {code: 'select 1; select 2 limit 9999'}});
  t.is(code, 'select 1 limit 5000; select 2 limit 5000');
  t.regex(logLines.join(), /at most 5000 rows: the limit was added to 1 and lowered in 1/);
});
test('other creators, languages and configured limits', t => {
  const code = 'select 1';
  t.is(
    check(sqlDraft, {draft: {code, creator: 'ID'}}).code,
    code,
    'compared exactly, not as a part of the list',
  );
  t.is(check(pythonDraft, {draft: {code}}).code, code);
  t.is(check(sqlDraft, {draft: {code}, settings: {sqlLimitRowsMax: 7}}).code, 'select 1 limit 7');
  t.is(check(sqlDraft, {draft: {code}, settings: {sqlLimitCreators: []}}).code, code);
});
test('SQL loses its comments after variables and limit have seen them', t => {
  t.is(check(sqlDraft, {draft: {code: '--@set n=3\nselect ${n} -- three'}}).code, '\nselect 3 limit 5000 ');
  t.is(check(sqlDraft, {draft: {code: 'select 1 --set ide.engine.no.limit.allow=true'}}).code, 'select 1 ');
});
test('shell and Python keep their comments', t => {
  const code = '#!/bin/sh\n# a comment\n-- x';
  t.is(check(shellDraft, {draft: {code}}).code, code);
  t.is(check(pythonDraft, {draft: {code}}).code, code);
});

const noCode = new NoCodeLeftError().message;
test('SQL of nothing but comments', refuses, sqlDraft, {draft: {code: '-- a\n/* b */\n# c'}}, 30010, noCode);
test('blank code', refuses, shellDraft, {draft: {code: ' \n\t'}}, 30010, noCode);

/* tenant */

test('a variable names the tenant, a label goes before it', t => {
  const params = {variable: {tenant: 'blue'}};
  const {tenant, labels} = check(shellDraft, {draft: {params}});
  t.deepEqual([tenant, labels['tenant']], ['blue', 'blue']);
  t.is(check(shellDraft, {draft: {params, labels: {...shellDraft.labels, tenant: 'red'}}}).tenant, 'red');
});
test(
  'a tenant that is no label',
  refuses,
  shellDraft,
  {draft: {params: {variable: {tenant: 'a-b'}}}},
  20009,
  /Label tenant must not contain "-"/,
);
test('configured tenants are looked up by both, by creator, by user', t => {
  const tenant = (tenants: readonly string[]): string => check(shellDraft, {settings: {tenants}}).tenant;
  t.is(tenant(['hadoop-*=c', '*-IDE=b', 'hadoop-IDE=a']), 'a');
  t.is(tenant(['hadoop-*=c', '*-IDE=b']), 'b');
  t.is(tenant(['hadoop-*=c', 'hadoopx-IDE=d']), 'c');
  t.is(tenant(['bob-IDE=d', 'hadoop-IDE=']), '');
});

/* retry, queue */

const retryOf = (draft: Partial<JobDraft>): unknown[] => {
  const {params} = check(shellDraft, {draft});
  const {startup} = params['configuration'] as {startup: Record<string, unknown>};
  return [startup['linkis.task.retry.num'], startup['wds.linkis.orchestrator.task.retry.wait.time']];
};
test('retry labels go before parameters, and these before the configuration', t => {
  const params = {configuration: {startup: {'linkis.task.retry.num': '7'}}};
  t.deepEqual(retryOf({}), [2, 5000]);
  t.deepEqual(retryOf({params}), [7, 5000]);
  t.deepEqual(
    retryOf({params, labels: {...shellDraft.labels, jobRetryCount: '0', jobRetryTimeout: '250'}}),
    [0, 250],
  );
});
test(
  'a retry count that is too high',
  refuses,
  shellDraft,
  {draft: {labels: {...shellDraft.labels, jobRetryCount: '101'}}},
  20009,
  /from 0 to 100, not 101/,
);
test(
  'a retry wait that is no number',
  refuses,
  shellDraft,
  {draft: {labels: {...shellDraft.labels, jobRetryTimeout: '5s'}}},
  20009,
  /Label jobRetryTimeout/,
);

test('the old name of the queue is copied, unless the new one is given', t => {
  const queueOf = (startup: object): unknown => {
    const {params} = check(shellDraft, {draft: {params: {configuration: {startup}}}});
    return (params['configuration'] as {startup: Record<string, unknown>}).startup['wds.linkis.rm.yarnqueue'];
  };
  t.is(queueOf({'wds.linkis.yarnqueue': 'q1'}), 'q1');
  t.is(queueOf({'wds.linkis.yarnqueue': 'q1', 'wds.linkis.rm.yarnqueue': 'q2'}), 'q2');
  t.is(queueOf({}), undefined);
});

test('the first check that refuses decides', t => {
  const draft = {...shellDraft, code: 'rm ${run_date*2}', labels: {}};
  const error = linkisErrorOf(() =>
    runChecks(draft, {...intakeContext, settings: {...intakeContext.settings, shellDangerCheck: true}}),
  );
  t.is(error.code, 50081);
});
