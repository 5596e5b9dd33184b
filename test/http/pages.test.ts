/** `GET /` and its files. */
import {readdirSync} from 'node:fs';
import test from 'ava';
import {startFacade} from '../support/facade-world.ts';

const files = readdirSync(new URL('../../http/pages/', import.meta.url));

test('the page is there without a login, and its policy allows nothing from elsewhere', async t => {
  const nobody = (await startFacade(t)).client();
  const {status, headers, text} = await nobody.get('/');
  t.is(status, 200);
  t.is(headers.get('content-type'), 'text/html; charset=utf-8');
  t.regex(text, /^<!doctype html>/);
  const policy = headers.get('content-security-policy') ?? '';
  t.regex(policy, /^default-src 'none'; script-src 'self';/);
  t.false(policy.includes('unsafe'));
  t.is(headers.get('x-frame-options'), 'DENY');
});

test('everything the page and its modules name is served, with its type', async t => {
  const nobody = (await startFacade(t)).client();
  const types = {js: /^text\/javascript/, css: /^text\/css/, svg: /^image\/svg\+xml/};
  const seen = new Set<string>();
  const waiting = ['/'];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    // oxlint-disable-next-line no-await-in-loop
    const {status, headers, text} = await nobody.get(path);
    t.is(status, 200, path);
    const [, ending = ''] = path.split('.');
    if (ending in types) t.regex(headers.get('content-type') ?? '', types[ending as keyof typeof types]);
    t.notRegex(text, /(?:src|href)="https?:/);
    const named = [
      ...text.matchAll(/(?:src|href)="(\/pages\/[^"]+)"/g),
      ...text.matchAll(/from '\.\/([\w-]+\.js)'/g),
    ];
    for (const [, name = ''] of named) {
      const next = name.startsWith('/') ? name : `/pages/${name}`;
      if (!seen.has(next)) waiting.push(next);
      seen.add(next);
    }
  }
  // What nobody names nobody needs.
  t.deepEqual(
    [...seen].toSorted(),
    files
      .filter(file => file !== 'index.html')
      .map(file => `/pages/${file}`)
      .toSorted(),
  );
});

test('nothing else of the directory is served', async t => {
  const nobody = (await startFacade(t)).client();
  for (const path of ['/pages/', '/pages/../facade.ts', '/pages/%2e%2e/facade.ts', '/pages/nonsense.js']) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await nobody.get(path)).status, 404, path);
  }
});

test('what the server says never becomes HTML, and nothing needs an inline style', async t => {
  const nobody = (await startFacade(t)).client();
  for (const path of files.filter(file => file.endsWith('.js'))) {
    // oxlint-disable-next-line no-await-in-loop
    const {text} = await nobody.get(`/pages/${path}`);
    t.notRegex(
      text,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.style\b|setAttribute\('style/,
      path,
    );
  }
  const {text} = await nobody.get('/');
  t.notRegex(text, / (?:style|on\w+)="/);
  t.notRegex(text, /<style|<script(?! type="module" src="\/pages\/page\.js"><\/script>)/);
});

test('each tab names the panel it shows, and each field has a label', async t => {
  const {text} = await (await startFacade(t)).client().get('/');
  const ids = new Set([...text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
  const pointers = [...text.matchAll(/\s(?:aria-controls|aria-labelledby|for)="([^"]+)"/g)].map(
    ([, id]) => id,
  );
  t.true(pointers.length >= 10);
  t.deepEqual(
    pointers.filter(id => !ids.has(id)),
    [],
  );
  t.is(ids.size, [...text.matchAll(/\sid="/g)].length, 'an id stands there twice');
});
