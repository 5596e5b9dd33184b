import test from 'ava';
import {parseNodeAddress, printNodeAddress} from '../../cluster/node-address.ts';

for (const [text, host, port] of [
  ['127.0.0.1:9001', '127.0.0.1', 9001],
  ['node-1.example.com:0', 'node-1.example.com', 0],
  ['[::1]:65535', '::1', 65_535],
] as const) {
  test(`${text} is read, and printed as it was`, t => {
    const address = parseNodeAddress(text);
    t.deepEqual(address, {host, port});
    t.is(typeof address === 'string' ? address : printNodeAddress(address), text);
  });
}

for (const [text, why] of [
  ['9001', /HOST:PORT/],
  ['host:65536', /0 to 65535/],
  ['::1:9001', /HOST:PORT/],
  ['my_host:9001', /underscore/],
  [`${'h'.repeat(130)}:1`, /holds 128/],
] as const) {
  test(`${text.slice(0, 20)} is refused with the reason`, t => {
    const answer = parseNodeAddress(text);
    t.regex(typeof answer === 'string' ? answer : '', why);
  });
}
