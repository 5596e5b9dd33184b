import test from 'ava';
import {parseEngineTypeLimits} from '../../actors/engine-type-limits.ts';
import {ConfigError, readConfig} from '../../config.ts';

test('limits of engine types are numbers by type; what is none is named, the others count', t => {
  t.deepEqual(parseEngineTypeLimits(['shell=3', ' python=0 ']), {
    limits: {shell: 3, python: 0},
    mistakes: [],
  });
  const {limits, mistakes} = parseEngineTypeLimits([
    'shell=3',
    'shell=4',
    'python',
    'r=-1',
    'a b=1',
    'q=1e3',
  ]);
  t.deepEqual(limits, {shell: 3});
  t.is(mistakes.length, 5);
  t.regex(mistakes[0] ?? '', /"shell=4" names the engine type shell a second time/);
  t.regex(mistakes[1] ?? '', /"python" must be type=number/);
});

test('the configuration refuses them', t => {
  const read = () => readConfig({options: {set: ['governance.engineTypeMax=shell']}, environment: {}});
  t.regex(t.throws(read, {instanceOf: ConfigError})?.message ?? '', /engineTypeMax: "shell" must be/);
});
