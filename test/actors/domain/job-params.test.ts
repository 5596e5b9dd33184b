import test from 'ava';
import {countParam, sectionOf, variablesOf, withSection} from '../../../actors/domain/job-params.ts';

test('a section is set beside what is there', t => {
  const params = {variable: {a: 'b'}, configuration: {runtime: {x: 1}, own: 2}};
  t.deepEqual(withSection(params, 'runtime', {y: 3}), {
    variable: {a: 'b'},
    configuration: {runtime: {x: 1, y: 3}, own: 2},
  });
  t.deepEqual(withSection({}, 'startup', {y: 3}), {configuration: {startup: {y: 3}}});
});

test('what is no object counts as an empty section', t => {
  for (const configuration of [undefined, null, 5, [], {runtime: 'x'}, {runtime: null}]) {
    t.deepEqual(sectionOf({configuration}, 'runtime'), {});
  }
});

test('variables are texts, numbers and truth values that are not empty', t => {
  t.deepEqual(variablesOf({variable: {a: 'b', n: 5, f: false, e: '', o: {}, u: null}}), {
    a: 'b',
    n: '5',
    f: 'false',
  });
  t.deepEqual(variablesOf({variable: []}), {});
});

test('a count is a whole number within its limit, given as number or digits', t => {
  const params = {a: 5, b: ' 6 ', c: '101', d: -1, e: 1.5, f: true, g: ''};
  t.deepEqual(
    Object.keys(params).map(key => countParam(params, key, 100)),
    [5, 6, undefined, undefined, undefined, undefined, undefined],
  );
  t.is(countParam(params, 'absent', 100), undefined);
});
