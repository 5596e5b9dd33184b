/** Passwords among a job's parameters are for its engine, not for those who read its row. */
import test from 'ava';
import {shownParams} from '../../http/shown-params.ts';

test('values under a telling key, and passwords in URLs, are masked; all else stays', t => {
  const runtime = {
    'wds.linkis.jdbc.connect.url': 'jdbc:mysql://al:hu/sh@h:1/db?user=al&password=hush&a=b',
    'wds.linkis.jdbc.username': 'al',
    'wds.linkis.jdbc.password': 'hush',
    nested: [{apiToken: 'hush', n: 1, none: null}],
    mail: 'a@b.example',
  };
  t.deepEqual(JSON.parse(shownParams(JSON.stringify({configuration: {runtime}}))), {
    configuration: {
      runtime: {
        'wds.linkis.jdbc.connect.url': 'jdbc:mysql://al:******@h:1/db?user=al&password=******&a=b',
        'wds.linkis.jdbc.username': 'al',
        'wds.linkis.jdbc.password': '******',
        nested: [{apiToken: '******', n: 1, none: null}],
        mail: 'a@b.example',
      },
    },
  });
  t.is(shownParams('{"url":"postgres://al:hush@h/db"}'), '{"url":"postgres://al:******@h/db"}');
});

test('what holds nothing to hide is not touched, and what can’t be read is not shown', t => {
  const plain = '{"variable": {}, "configuration":{"runtime":{"a":1}}}';
  t.is(shownParams(plain), plain);
  t.is(shownParams('{"password": "hu'), '{}');
});
