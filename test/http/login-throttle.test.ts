import test from 'ava';
import {createLoginThrottle} from '../../http/login-throttle.ts';
import {manualClock} from '../support/manual-clock.ts';

const limits = {perUserMax: 3, perAddressMax: 5, windowMs: 60_000};

function start() {
  const clock = manualClock();
  const throttle = createLoginThrottle(clock, limits);
  const isAllowed = (user: string, address: string): boolean =>
    throttle.begin(user, address).type === 'allowed';
  return {clock, throttle, isAllowed};
}

test('a name is refused after its failures, from every address, until the window ends', t => {
  const {clock, isAllowed, throttle} = start();
  t.deepEqual(
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(address => isAllowed('alice', address)),
    [true, true, true],
  );
  t.deepEqual(throttle.begin('alice', '10.0.0.4'), {type: 'limited', retryAfterMs: 60_000});
  t.true(isAllowed('bob', '10.0.0.4'));
  clock.advance(59_999);
  t.false(isAllowed('alice', '10.0.0.4'));
  clock.advance(1);
  t.true(isAllowed('alice', '10.0.0.4'));
});

test('nobody is shut out of an address they logged in from by guesses made elsewhere', t => {
  const {isAllowed, throttle} = start();
  const attempt = throttle.begin('alice', '10.0.0.1');
  if (attempt.type === 'allowed') attempt.succeeded();
  for (let n = 0; n < 4; n += 1) isAllowed('alice', `10.9.9.${n}`);
  t.false(isAllowed('alice', '10.9.9.9'));
  t.true(isAllowed('alice', '10.0.0.1'));
  isAllowed('alice', '10.0.0.1');
  isAllowed('alice', '10.0.0.1');
  t.false(isAllowed('alice', '10.0.0.1'));
});

test('right passwords and logins that were never checked do not count', t => {
  const {throttle} = start();
  for (let n = 0; n < 20; n += 1) {
    const attempt = throttle.begin('alice', '10.0.0.1');
    t.is(attempt.type, 'allowed');
    if (attempt.type !== 'allowed') return;
    if (n % 2 === 0) attempt.succeeded();
    else attempt.dropped();
  }
});

test('an address is refused after its failures, whatever the names', t => {
  const {isAllowed} = start();
  for (const user of ['a', 'b', 'c', 'd', 'e']) t.true(isAllowed(user, '10.0.0.1'));
  t.false(isAllowed('f', '10.0.0.1'));
  t.true(isAllowed('f', '10.0.0.2'));
});

test('all addresses of one IPv6 network count as one', t => {
  const {isAllowed} = start();
  const addresses = [
    '2001:db8::1',
    '2001:db8:0:0:1::1',
    '2001:db8::ffff:1',
    '2001:db8:0:0:2:3:4:5',
    '2001:db8::9',
  ];
  for (const [n, address] of addresses.entries()) t.true(isAllowed(`user${n}`, address));
  t.false(isAllowed('other', '2001:db8::aaaa'));
  t.true(isAllowed('other', '2001:db8:0:1::1'));
});
