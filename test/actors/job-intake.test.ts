import test from 'ava';
import fc from 'fast-check';
import {prepareJob, specOf, type IntakeContext, type PreparedJob} from '../../actors/job-intake.ts';
import type {StoredJob} from '../../actors/ports.ts';
import {parseSubmission} from '../../actors/submission.ts';
import {hadoop, intakeContext, shellBody, withSettings} from '../support/submission-context.ts';

const prepare = (body: unknown, context: IntakeContext = intakeContext, taskID = 7): PreparedJob =>
  prepareJob(parseSubmission(body, context), taskID, context);

test('an accepted job is born Inited, with its owner, paths and submit time', t => {
  const {row, facts} = prepare(shellBody(), {...intakeContext, idempotencyKey: 'key-1'});
  t.deepEqual(row, {
    id: 7,
    jobReqId: 'IDE_hadoop_shell_7',
    submitUser: 'hadoop',
    executeUser: 'hadoop',
    source: '{"scriptPath":"/x/y.sh","requestIP":"192.0.2.7"}',
    labels: '{"engineType":"shell-1","userCreator":"hadoop-IDE","codeType":"shell"}',
    params:
      '{"variable":{},"configuration":{"startup":{"linkis.task.retry.num":2,' +
      '"wds.linkis.orchestrator.task.retry.wait.time":5000},"runtime":{"submitUser":"hadoop",' +
      '"executeUser":"hadoop"},"special":{}}}',
    progress: '0.0',
    status: 'Inited',
    logPath: '/var/lib/tenon/logs/2026-05-01/IDE/hadoop/7.log',
    resultLocation: '/var/lib/tenon/results/2026-05-01/IDE/hadoop/7',
    errorCode: null,
    errorDesc: null,
    createdTime: intakeContext.nowMs,
    updatedTime: intakeContext.nowMs,
    instances: '127.0.0.1:9001#inc1#1',
    metrics: '{"submitTime":"2026-05-01T08:20:30+0000"}',
    engineType: 'shell',
    executionCode: 'echo hello',
    observeInfo: null,
  });
  t.deepEqual(facts, {
    attempt: 0,
    engineId: '',
    tenant: '',
    priority: 100,
    killedBy: null,
    idempotencyKey: 'key-1',
    requestId: 'request-1',
    creator: 'IDE',
    codeType: 'shell',
    preparedCode: null,
    logLines: null,
    logText: null,
  });
});

test('a job that a check refuses is born Failed, with code, text and a log path', t => {
  const {row, facts, failure} = prepare(
    shellBody({labels: {engineType: 'shell-1', userCreator: 'root-IDE'}}),
    {...intakeContext, idempotencyKey: 'key-1'},
  );
  t.is(failure?.code, 50080);
  t.is(facts.idempotencyKey, null, 'sent again, it is refused again');
  t.like(row, {
    status: 'Failed',
    progress: '1.0',
    errorCode: 50080,
    errorDesc:
      'SubmitUser : hadoop must be the same as ExecuteUser : hadoop , and user : root in userCreatorLabel.',
    logPath: '/var/lib/tenon/logs/2026-05-01/IDE/hadoop/7.log',
  });
  t.like(JSON.parse(row.metrics), {engineInstance: 'NULL', completeTime: '2026-05-01T08:20:30+0000'});
});

test('a check that breaks off refuses with 20039 instead of taking the node down', t => {
  const settings = {
    ...intakeContext.settings,
    get tenants(): readonly string[] {
      throw new TypeError('the list is gone');
    },
  };
  const {row, failure} = prepare(shellBody(), {...intakeContext, settings});
  t.is(failure?.code, 20039);
  t.is(failure?.message, 'Failed to analysis task,because:the list is gone(分析任务失败)!');
  t.is(row.status, 'Failed');
});

test('the history keeps the code as it was written, and the engine gets the prepared one', t => {
  const {row, facts, ...rest} = prepare(
    shellBody({executionContent: {code: 'echo ${user}', runType: 'shell'}}),
  );
  t.is(row.executionCode, 'echo ${user}');
  t.is(facts.preparedCode, 'echo hadoop');
  t.is('spec' in rest ? rest.spec.code : '', 'echo hadoop');
});

test('priority comes from the runtime parameters', t => {
  const priorityOf = (priority: unknown): number =>
    prepare(shellBody({params: {configuration: {runtime: {'wds.linkis.engine.runtime.priority': priority}}}}))
      .facts.priority;
  t.deepEqual([5, '900', 'high', -1, null].map(priorityOf), [5, 900, 100, 100, 100]);
});

test('labels say timeouts, retries and whether the engine serves one job', t => {
  const labels = {
    engineType: 'shell-1',
    jobQueuingTimeout: '30',
    jobRunningTimeout: '60',
    jobRetryCount: '4',
    jobRetryTimeout: '250',
    executeOnce: '',
    tenant: 'blue',
  };
  const {row, facts} = prepare(shellBody({labels}));
  t.like(specOf({row, facts}), {
    queuingTimeoutMs: 30_000,
    runningTimeoutMs: 60_000,
    attemptsMax: 5,
    retryDelayMs: 250,
    executeOnce: true,
  });
  t.is(facts.tenant, 'blue');
});

test('attempts hold after a restart with another configuration', t => {
  const {row, facts} = prepare(shellBody(), {...intakeContext, jobAttemptsMax: 9});
  t.is(specOf({row, facts}).attemptsMax, 9);
});

const anyBody = fc.record({
  code: fc.string({minLength: 1}).filter(code => code.trim() !== '' && !/[$&]\{|#@set/.test(code)),
  runType: fc.constantFrom('shell', 'python', 'own'),
  version: fc.string({minLength: 1, maxLength: 10}).filter(text => text.trim() === text),
  creator: fc.stringMatching(/^[\w.]{1,20}$/),
  user: fc.stringMatching(/^[\w.-]{1,20}$/),
  labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[\w -]{0,9}$/)),
  seconds: fc.nat({max: 99_999}),
  runtime: fc.dictionary(fc.string(), fc.jsonValue()),
  idempotencyKey: fc.option(fc.stringMatching(/^[a-z]{1,20}$/), {nil: undefined}),
});

test('what runs is rebuilt from the row and its facts, after they went through the database', t => {
  fc.assert(
    fc.property(
      anyBody,
      ({code, runType, version, creator, user, labels, seconds, runtime, idempotencyKey}) => {
        const context: IntakeContext = {
          ...withSettings({}),
          caller: {...hadoop, user},
          ...(idempotencyKey === undefined ? {} : {idempotencyKey}),
        };
        const body = {
          executionContent: {code, runType},
          labels: {
            ...Object.fromEntries(
              Object.entries(labels).filter(([key]) => key !== 'route' && key !== 'tenant'),
            ),
            engineType: `shell-${version}`,
            userCreator: `${user}-${creator}`,
            jobRunningTimeout: seconds,
          },
          params: {configuration: {runtime}},
        };
        const {row, facts, ...rest} = prepare(body, context, 123);
        const stored = JSON.parse(JSON.stringify({row, facts})) as StoredJob;
        const spec = specOf(stored);
        t.deepEqual(spec, 'spec' in rest ? rest.spec : undefined);
        t.like(spec, {
          taskID: 123,
          code: code.toWellFormed(),
          codeType: runType,
          creator,
          submitUser: user,
          executeUser: user,
        });
        t.deepEqual(spec.engineType, {type: 'shell', version});
        t.is(spec.runningTimeoutMs, seconds === 0 ? undefined : seconds * 1000);
        t.deepEqual(
          spec.runtimeParams,
          JSON.parse(JSON.stringify({...runtime, submitUser: user, executeUser: user})),
        );
      },
    ),
  );
});

test('a row that Linkis wrote, or nonsense, gives a spec too', t => {
  const {row, facts} = prepare(shellBody());
  const foreign: StoredJob = {
    row: {
      ...row,
      labels: '{"engineType":"spark-3.2.1","userCreator":"hadoop-Old","codeType":"sql","n":5}',
      params: 'x',
    },
    facts: {...facts, creator: '', codeType: ''},
  };
  t.like(specOf(foreign), {creator: 'Old', codeType: 'sql', attemptsMax: 1, retryDelayMs: 0});
  t.deepEqual(specOf(foreign).engineType, {type: 'spark', version: '3.2.1'});
  const broken = specOf({...foreign, row: {...row, labels: '[', params: '[]'}});
  t.deepEqual([broken.engineType, broken.creator, broken.labels], [{type: 'shell', version: ''}, '', {}]);
});

test('why the router chose this instance is kept with the job, before what the checks say', t => {
  const routedBy = '127.0.0.1:9001, random of 2 with route=et1';
  const {facts} = prepare(shellBody(), {...intakeContext, routedBy});
  t.regex(
    facts.logText ?? '',
    /^\S+ \S+ INFO Your job was routed to 127\.0\.0\.1:9001, random of 2 with route=et1\.\n$/,
  );
  t.is(prepare(shellBody()).facts.logText, null);
});
