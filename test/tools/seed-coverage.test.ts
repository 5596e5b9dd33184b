/** `docs/seed-coverage.md`: what it names is there, and it leaves out no call of the founding text. */
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {projectRoot} from '../support/source-tree.ts';

const page = readFileSync(join(projectRoot, 'docs/seed-coverage.md'), 'utf8');

test('every file that it names exists', t => {
  const files = [...page.matchAll(/`([\w./-]+\.(?:ts|md))`/g)].map(([, file = '']) => file);
  t.true(files.length > 60);
  t.deepEqual(
    files.filter(file => !existsSync(join(projectRoot, file))),
    [],
  );
});

test('every call of the library that it names is offered', t => {
  const services = readFileSync(join(projectRoot, 'embedded-services.ts'), 'utf8');
  const history = readFileSync(join(projectRoot, 'actors/job-history-service.ts'), 'utf8');
  const calls = [...page.matchAll(/`services\.(\w+)\.(\w+)`/g)];
  t.is(calls.length, 16);
  for (const [text, service, call] of calls) {
    t.regex(service === 'jobHistory' ? history : services, new RegExp(`readonly ${call}: \\(`), text);
  }
});
