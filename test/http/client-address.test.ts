import test from 'ava';
import {createClientAddress} from '../../http/client-address.ts';

const forwarded = (list: string) => ({'x-forwarded-for': list});

const cases: readonly [trusted: string[], header: string, peer: string, client: string][] = [
  [[], '10.0.0.1', '192.0.2.7', '192.0.2.7'],
  [[], '', '::ffff:192.0.2.7', '192.0.2.7'],
  [['192.0.2.0/24'], '10.0.0.1', '192.0.2.7', '10.0.0.1'],
  [['192.0.2.0/24'], '10.0.0.1', '::ffff:192.0.2.7', '10.0.0.1'],
  [['192.0.2.0/24'], '1.1.1.1, 10.0.0.1', '192.0.2.7', '10.0.0.1'],
  [['192.0.2.0/24'], '10.0.0.1, 192.0.2.8', '192.0.2.7', '10.0.0.1'],
  [['192.0.2.0/24'], 'nonsense', '192.0.2.7', '192.0.2.7'],
  [['192.0.2.0/24'], '10.0.0.1, nonsense', '192.0.2.7', '192.0.2.7'],
  [['192.0.2.0/24'], '', '192.0.2.7', '192.0.2.7'],
  [['192.0.2.7'], '10.0.0.1', '192.0.2.8', '192.0.2.8'],
  [['2001:db8::/32'], '10.0.0.1', '2001:db8::1', '10.0.0.1'],
  [['::1'], '2001:db8::5', '::1', '2001:db8::5'],
];
for (const [trusted, header, peer, client] of cases) {
  test(`from ${peer}, forwarded for "${header}", trusting [${trusted.join()}], it is ${client}`, t => {
    t.is(createClientAddress(trusted).of(forwarded(header), peer), client);
  });
}

test('HTTPS in front is believed of trusted proxies only', t => {
  const addresses = createClientAddress(['10.0.0.1']);
  const headers = {'x-forwarded-proto': 'https'};
  t.true(addresses.isSecure(headers, '10.0.0.1'));
  t.false(addresses.isSecure(headers, '10.0.0.2'));
  t.false(addresses.isSecure({}, '10.0.0.1'));
});

for (const member of ['proxy.example.com', '10.0.0.0/33', '10.0.0.0/x', '']) {
  test(`"${member}" is no proxy, and named in the error`, t => {
    t.throws(() => createClientAddress(['10.0.0.1', member]), {
      instanceOf: RangeError,
      message: `trustedProxies: ${member} is neither an address nor a range such as 10.0.0.0/8.`,
    });
  });
}
