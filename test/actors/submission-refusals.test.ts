import test from 'ava';
import {parseSubmission, type SubmissionContext} from '../../actors/submission.ts';
import {linkisErrorOf} from '../support/linkis-error.ts';
import {hadoop, intakeContext, shellBody} from '../support/submission-context.ts';

const byAdmin: Partial<SubmissionContext> = {caller: {...hadoop, hasAdminToken: true}};

const refuses = test.macro<[unknown, number, string | RegExp, Partial<SubmissionContext>?]>({
  exec(t, body, code, message, context) {
    const error = linkisErrorOf(() => parseSubmission(body, {...intakeContext, ...context}));
    t.is(error.code, code);
    if (typeof message === 'string') t.is(error.message, message);
    else t.regex(error.message, message);
  },
  title: (title = '') => `refused: ${title}`,
});

const content = (executionContent: unknown): Record<string, unknown> => shellBody({executionContent});
const labelled = (labels: unknown): Record<string, unknown> => shellBody({labels});

for (const body of [null, undefined, 5, 'x', [], true]) {
  test(`body ${JSON.stringify(body)}`, refuses, body, 20039, /the body must be a JSON object/);
}
test(
  'an empty body',
  refuses,
  {},
  20007,
  'The param executionCode and scriptPath cannot be empty at the same time(参数 executionCode 和 scriptPath 不能同时为空)',
);
test(
  'content without code',
  refuses,
  content({runType: 'shell'}),
  20010,
  'The param executionCode cannot be empty (参数 executionCode 不能为空)',
);
test('content that is a text', refuses, content('echo'), 20010, /executionCode cannot be empty/);
test(
  'blank code',
  refuses,
  content({code: ' \n', runType: 'shell'}),
  20007,
  'The param executionCode cannot be empty (参数 executionCode 不能为空)',
);
test(
  'code that is no text',
  refuses,
  content({code: 5, runType: 'shell'}),
  20039,
  /executionContent\.code must be a text/,
);
test('no labels', refuses, labelled(undefined), 20008, 'params cannot be empty ,  labels is null');
test('empty labels', refuses, labelled({}), 20008, 'params cannot be empty ,  labels is null');
test('labels that are a list', refuses, labelled(['a']), 20039, /labels must be an object/);
test(
  'no engine type',
  refuses,
  labelled({codeType: 'shell'}),
  20009,
  'Label params invalid You need to specify engineTypeLabel in labels,such as spark-{default version}',
);
test(
  'an empty engine type',
  refuses,
  labelled({engineType: ''}),
  20009,
  /You need to specify engineTypeLabel/,
);
test(
  'an unknown engine type',
  refuses,
  labelled({engineType: 'spark-3.2.1'}),
  20009,
  'Label params invalid There is no engine type "spark" here. Known engine types: shell, python, jdbc.',
);
test(
  'an engine type named like a member of every object',
  refuses,
  labelled({engineType: 'constructor-1'}),
  20009,
  /no engine type "constructor"/,
);
test(
  'no run type',
  refuses,
  content({code: 'x'}),
  20009,
  'Label params invalid You need to specify runType in execution content, such as sql',
);
test(
  'a run type with a blank',
  refuses,
  content({code: 'x', runType: 's h'}),
  20039,
  /runType "s h" holds a blank/,
);
test(
  'a timeout that is no number',
  refuses,
  labelled({engineType: 'shell-1', jobRunningTimeout: 'soon'}),
  20009,
  'Label params invalid The task time tag is not set incorrectly, execution is not allowed.',
);
test(
  'a user-creator label with two dashes',
  refuses,
  labelled({engineType: 'shell-1', userCreator: 'hadoop-a-b'}),
  20009,
  /Label userCreator must be user-creator with one "-", not hadoop-a-b/,
);
test(
  'a creator that would break an execID',
  refuses,
  labelled({engineType: 'shell-1', userCreator: 'hadoop-a/b'}),
  20039,
  /creator "a\/b" holds/,
);
test(
  'a creator that is too long',
  refuses,
  labelled({engineType: 'shell-1', userCreator: `hadoop-${'c'.repeat(51)}`}),
  20039,
  /creator has 51 characters, at most 50/,
);
test(
  'an execute user with a line break',
  refuses,
  shellBody({executeUser: 'a\nb'}),
  20039,
  /executeUser "a\nb" holds/,
  byAdmin,
);
test(
  'an execute user that is too long',
  refuses,
  shellBody({executeUser: 'u'.repeat(51)}),
  20039,
  /executeUser has 51 characters/,
  byAdmin,
);
test('nobody', refuses, shellBody(), 20005, 'The execute user cannot be null(执行用户不能为空)', {
  caller: {...hadoop, user: ' '},
});
test('params that are a list', refuses, shellBody({params: []}), 20039, /params must be an object/);
test(
  'a section that is a text',
  refuses,
  shellBody({params: {configuration: {runtime: 'x'}}}),
  20039,
  /params\.configuration\.runtime must be an object/,
);
test(
  'a variable that is an object',
  refuses,
  shellBody({params: {variable: {a: {}}}}),
  20039,
  /params\.variable\.a must be a text/,
);
test('source that is a text', refuses, shellBody({source: 'x'}), 20039, /source must be an object/);
test(
  'more than is taken',
  refuses,
  content({code: 'x'.repeat(5_000_000), runType: 'shell'}),
  20039,
  /the submission has 5000\d+ bytes, at most 5000000 are taken/,
);
test('an idempotency key without end', refuses, shellBody(), 20039, /1 to 128 characters/, {
  idempotencyKey: 'k'.repeat(129),
});
