import test from 'ava';
import fc from 'fast-check';
import {LinkisError} from '../../actors/domain/errors.ts';
import {parseSubmission, type ParsedSubmission, type SubmissionContext} from '../../actors/submission.ts';
import {hadoop, intakeContext, shellBody} from '../support/submission-context.ts';
import {linkisErrorOf} from '../support/linkis-error.ts';

const parse = (body: unknown, context: Partial<SubmissionContext> = {}): ParsedSubmission =>
  parseSubmission(body, {...intakeContext, ...context});

const byAdmin: Partial<SubmissionContext> = {caller: {...hadoop, hasAdminToken: true}};

test('the new form as the console sends it', t => {
  t.deepEqual(parse(shellBody()), {
    submitUser: 'hadoop',
    executeUser: 'hadoop',
    creator: 'IDE',
    engineType: {type: 'shell', version: '1'},
    codeType: 'shell',
    code: 'echo hello',
    labels: {engineType: 'shell-1', userCreator: 'hadoop-IDE', codeType: 'shell'},
    params: {
      variable: {},
      configuration: {startup: {}, runtime: {submitUser: 'hadoop', executeUser: 'hadoop'}, special: {}},
    },
    source: {scriptPath: '/x/y.sh', requestIP: '192.0.2.7'},
  });
});

test('the Python SDK sends neither params nor source', t => {
  const {params, source, creator} = parse({
    executionContent: {code: 'print(1)', runType: 'python'},
    labels: {engineType: 'python-python2', userCreator: 'Hadoop-IDE'},
  });
  t.deepEqual(params, {configuration: {runtime: {submitUser: 'hadoop', executeUser: 'hadoop'}}});
  t.deepEqual(source, {requestIP: '192.0.2.7'});
  t.is(creator, 'IDE');
});

test('the command line of Linkis sends the code type as a label only, and executeOnce empty', t => {
  const {codeType, labels} = parse({
    executionContent: {code: 'whoami'},
    labels: {
      engineType: 'shell-1',
      codeType: 'shell',
      userCreator: 'hadoop-LINKISCLI',
      executeOnce: '',
      route: 'et1',
    },
    executeUser: 'hadoop',
    params: {
      configuration: {runtime: {'hive.resultset.use.unique.column.names': true}, startup: {}},
      variable: {},
    },
    source: {scriptPath: 'LinkisCli'},
  });
  t.is(codeType, 'shell');
  t.is(labels['executeOnce'], '');
  t.is(labels['route'], 'et1');
});

test('runType goes before the label codeType', t => {
  const {codeType, labels} = parse(shellBody({labels: {engineType: 'shell-1', codeType: 'sql'}}));
  t.is(codeType, 'shell');
  t.is(labels['codeType'], 'shell');
});

test('without a user-creator label the creator is IDE', t => {
  const {creator, labels} = parse(shellBody({labels: {engineType: 'shell-1'}}));
  t.is(creator, 'IDE');
  t.is(labels['userCreator'], 'hadoop-IDE');
});

test('an engine type without a version gets the default one', t => {
  t.deepEqual(parse(shellBody({labels: {engineType: 'python'}})).engineType, {
    type: 'python',
    version: 'python3',
  });
});

test('the old form as the SDK executes it', t => {
  t.deepEqual(
    parse({
      executeApplicationName: 'shell',
      runType: 'sh',
      requestApplicationName: 'mine',
      executionCode: 'echo hello',
      scriptPath: '/top/level/is/ignored',
      method: '/api/rest_j/v1/entrance/execute',
      params: {variable: {k: 'v'}, configuration: {special: {}, runtime: {a: 1}, startup: {}}},
      source: {scriptPath: null},
    }),
    {
      submitUser: 'hadoop',
      executeUser: 'hadoop',
      creator: 'mine',
      engineType: {type: 'shell', version: '1'},
      codeType: 'sh',
      code: 'echo hello',
      labels: {engineType: 'shell-1', userCreator: 'hadoop-mine', codeType: 'sh'},
      params: {
        variable: {k: 'v'},
        configuration: {
          special: {},
          runtime: {a: 1, submitUser: 'hadoop', executeUser: 'hadoop'},
          startup: {},
        },
      },
      source: {requestIP: '192.0.2.7'},
    },
  );
});

test('in the old form labels go before the fields they stand for', t => {
  const {engineType, creator, codeType} = parse({
    executeApplicationName: 'jdbc-4',
    executionCode: 'x',
    labels: {engineType: 'python-python3', userCreator: 'hadoop-own', codeType: 'py'},
  });
  t.deepEqual([engineType.type, creator, codeType], ['python', 'own', 'py']);
});

test('in the old form the run type is what the engine runs, else sql', t => {
  const codeTypeOf = (executeApplicationName: string): string =>
    parse({executeApplicationName, executionCode: 'x'}).codeType;
  t.deepEqual(['shell', 'python-python3', 'jdbc'].map(codeTypeOf), ['shell', 'python', 'sql']);
});

test('in the old form a script path stands for the code', t => {
  t.is(parse({executeApplicationName: 'shell', source: {scriptPath: '/x'}}).code, '');
  t.is(parse({executeApplicationName: 'shell', requestApplicationName: 'own'}).code, '');
});

test('the form is chosen by the key executionContent alone', t => {
  const error = linkisErrorOf(() =>
    parse({executionContent: null, executionCode: 'echo', executeApplicationName: 'shell'}),
  );
  t.is(error.code, 20010);
});

test('only an administrator token names another execute user', t => {
  const body = shellBody({executeUser: 'bob', labels: {engineType: 'shell-1', userCreator: 'bob-IDE'}});
  t.is(parse(body).executeUser, 'hadoop');
  const named = parse(body, byAdmin);
  t.deepEqual([named.submitUser, named.executeUser], ['hadoop', 'bob']);
  t.is(parse(shellBody({executeUser: '  '}), byAdmin).executeUser, 'hadoop');
});

test('source becomes texts, and nobody but the server says where the request came from', t => {
  t.deepEqual(parse(shellBody({source: {a: 5, b: {c: [1]}, d: null, requestIP: '203.0.113.9'}})).source, {
    a: '5',
    b: '{"c":[1]}',
    requestIP: '192.0.2.7',
  });
});

test('unknown fields are ignored, unknown params kept', t => {
  const {params} = parse(shellBody({nonsense: [1], params: {own: {x: 1}, configuration: {other: 2}}}));
  t.deepEqual(params, {
    own: {x: 1},
    configuration: {other: 2, runtime: {submitUser: 'hadoop', executeUser: 'hadoop'}},
  });
});

test('half a surrogate pair in the code is replaced', t => {
  t.is(parse(shellBody({executionContent: {code: 'echo \ud800', runType: 'shell'}})).code, 'echo \ufffd');
});

test('nesting without end', t => {
  let nested: unknown = {};
  for (let level = 0; level < 100_000; level += 1) nested = {a: nested};
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  for (const params of [{own: nested}, circular]) {
    t.throws(() => parse(shellBody({params})), {message: /params is nested more than 64 levels deep/});
  }
  t.throws(() => parse(shellBody({source: {nested}})), {
    message: /source is nested more than 64 levels deep/,
  });
});

test('a key __proto__ changes no object', t => {
  const body: unknown = JSON.parse(
    '{"executionContent":{"code":"x","runType":"shell"},"labels":{"engineType":"shell-1","__proto__":"y"},' +
      '"params":{"__proto__":{"polluted":1}},"source":{"__proto__":"z"}}',
  );
  const parsed = parse(body);
  t.false('polluted' in {});
  t.is(Object.getPrototypeOf(parsed.params), Object.prototype);
  t.true(Object.hasOwn(parsed.labels, '__proto__'));
});

test('whatever the body is, it is parsed or refused with a code', t => {
  const key = fc.constantFrom(
    'executionContent',
    'executionCode',
    'labels',
    'params',
    'source',
    'code',
    'runType',
    'engineType',
    'userCreator',
    'executeApplicationName',
    'requestApplicationName',
    'configuration',
    'runtime',
    'variable',
  );
  const leaf = fc.constantFrom<unknown>(
    'shell',
    'shell-1',
    'hadoop-IDE',
    '',
    ' ',
    0,
    true,
    null,
    [],
    {},
    'x-y-z',
  );
  const {body} = fc.letrec(tie => ({
    body: fc.dictionary(key, fc.oneof({depthSize: 'small'}, leaf, tie('body')), {maxKeys: 6}),
  }));
  fc.assert(
    fc.property(body, given => {
      try {
        const {executeUser, engineType, codeType} = parse(given);
        t.true(executeUser !== '' && engineType.type !== '' && engineType.version !== '' && codeType !== '');
      } catch (error) {
        t.true(error instanceof LinkisError && error.code > 0, String(error));
      }
    }),
    {numRuns: 2000},
  );
});
