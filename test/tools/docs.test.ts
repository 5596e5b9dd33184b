import test from 'ava';
import {configurationPage} from '../../tools/docs/configuration-page.ts';
import {classesIn, linkisErrors} from '../../tools/docs/errors-page.ts';

const source = `
/** The queue is at its limit. Nothing was stored. */
export class QueueFullError extends LinkisError {
  override readonly name = 'QueueFullError';
  readonly code = 12_001;
  override readonly retryable = true;

  constructor(group: string, waiting: number) {
    super(
      \`Group \${group} has \${waiting} jobs waiting.\` + ' Kill what is not needed | or wait.',
    );
  }
}
export abstract class StoreError extends LinkisError {
  override readonly retryable: boolean = true;
}
/** A kind of another. */
export class DiskFullError extends StoreError {
  readonly code = 20000;
}
class Unrelated extends Error {}
export class AnyCodeError extends LinkisError {
  readonly code: number;
}
`;

test('the catalogue has every concrete failure, with what it inherits, by code', t => {
  t.deepEqual(
    linkisErrors(classesIn('a.ts', source)).map(({name, code, isRetryable}) => [name, code, isRetryable]),
    [
      ['QueueFullError', 12001, true],
      ['DiskFullError', 20000, true],
      ['AnyCodeError', undefined, false],
    ],
  );
});

test('the catalogue says when a failure occurs and shows its message with the places of values', t => {
  t.like(classesIn('a.ts', source)[0], {
    description: 'The queue is at its limit. Nothing was stored.',
    message: 'Group ‹group› has ‹waiting› jobs waiting. Kill what is not needed | or wait.',
  });
});

test('the page of settings names key, variable, default, range and unit', t => {
  const page = configurationPage({
    groups: {
      http: {idleMs: {type: 'duration', default: 5, min: 1, max: 9, description: 'Idle | time.'}},
      node: {listen: {type: 'string', default: 'a:1', description: 'Where.'}},
    },
    environmentName: (group, key) => `${group}_${key}`,
  });
  t.true(page.includes('| `http.idleMs`<br>`http_idleMs` | duration | `5` | 1 … 9 ms | Idle \\| time. |'));
  t.true(page.includes('| `listen`<br>`node_listen` | string | `"a:1"` | – | Where. |'));
});
