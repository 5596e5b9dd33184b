/** The two machines of the handshake, talking to each other and to somebody in between. */
import test from 'ava';
import fc from 'fast-check';
import {acceptorHandshake} from '../../cluster/handshake-acceptor.ts';
import {diallerHandshake} from '../../cluster/handshake-dialler.ts';
import type {Handshake, HandshakeEffect, HandshakeTerms} from '../../cluster/handshake.ts';
import {commonWireVersion, parseHandshakeMessage} from '../../cluster/hello.ts';

const nonce = (letter: string): string => letter.repeat(42) + 'A';
const secret = Buffer.alloc(32, 'secret');

const terms = (name: string, given: Partial<HandshakeTerms> = {}): HandshakeTerms => ({
  identity: {instance: `${name}:9102`, incarnation: `life-of-${name}`, roles: ['entrance', 'manager']},
  clusterName: 'test',
  secrets: [secret],
  wire: {lowest: 1, highest: 2},
  nonce: nonce(name.slice(0, 1)),
  channelBinding: '',
  isCertified: () => true,
  ...given,
});

type Outcome = {
  readonly dialler: readonly HandshakeEffect[];
  readonly acceptor: readonly HandshakeEffect[];
  /** Everything that went over the wire. */
  readonly texts: readonly string[];
};

/** Lets the two talk; `meddle` sees, and may change, each text on its way. */
function talk(
  dialler: Handshake,
  acceptor: Handshake,
  meddle: (text: string, n: number) => string = text => text,
): Outcome {
  const texts: string[] = [];
  const outcomes = {dialler: [] as HandshakeEffect[], acceptor: [] as HandshakeEffect[]};
  const handle = (side: 'dialler' | 'acceptor', effects: readonly HandshakeEffect[]): void => {
    outcomes[side].push(...effects);
    for (const effect of effects) {
      if (effect.type !== 'send') continue;
      const text = meddle(effect.text, texts.length);
      texts.push(text);
      const [other, machine] =
        side === 'dialler' ? (['acceptor', acceptor] as const) : (['dialler', dialler] as const);
      handle(other, machine.handle({type: 'received', text}));
    }
  };
  handle('dialler', dialler.handle({type: 'opened'}));
  return {...outcomes, texts};
}

const peerOf = (effects: readonly HandshakeEffect[]): unknown =>
  effects.flatMap(effect => (effect.type === 'accept' ? [effect.peer] : []))[0];

const refusalOf = (effects: readonly HandshakeEffect[]): unknown =>
  effects.flatMap(effect => (effect.type === 'refuse' ? [effect.reason] : []))[0];

test('two nodes with the same secret learn each other’s identity in four texts', t => {
  const {dialler, acceptor, texts} = talk(diallerHandshake(terms('one')), acceptorHandshake(terms('two')));
  t.is(texts.length, 4);
  const roles = ['entrance', 'manager'];
  t.deepEqual(peerOf(dialler), {instance: 'two:9102', incarnation: 'life-of-two', roles, wireVersion: 2});
  t.deepEqual(peerOf(acceptor), {instance: 'one:9102', incarnation: 'life-of-one', roles, wireVersion: 2});
});

test('the secret is in none of the texts', t => {
  const {texts} = talk(diallerHandshake(terms('one')), acceptorHandshake(terms('two')));
  for (const encoding of ['utf8', 'hex', 'base64', 'base64url'] as const) {
    t.false(texts.join().includes(secret.toString(encoding).slice(0, 8)));
  }
});

test('the dialler trusts with its proof, the acceptor when it has seen it', t => {
  const {dialler, acceptor} = talk(diallerHandshake(terms('one')), acceptorHandshake(terms('two')));
  t.deepEqual(
    dialler.map(({type}) => type),
    ['send', 'send', 'trust', 'accept'],
  );
  t.deepEqual(
    acceptor.map(({type}) => type),
    ['send', 'send', 'trust', 'accept'],
  );
});

const refused = test.macro<
  [Partial<HandshakeTerms>, Partial<HandshakeTerms>, 'dialler' | 'acceptor', string]
>({
  exec(t, one, two, side, reason) {
    const outcome = talk(diallerHandshake(terms('one', one)), acceptorHandshake(terms('two', two)));
    t.is(refusalOf(outcome[side]), reason);
    t.is(peerOf(outcome.dialler), undefined);
    t.is(peerOf(outcome.acceptor), undefined);
  },
  title: (what = '') => `refused: ${what}`,
});

const wrong = [Buffer.alloc(32, 'other')];
const self = terms('one').identity;
test('another secret', refused, {secrets: wrong}, {}, 'dialler', 'wrongSecret');
test('another cluster', refused, {clusterName: 'production'}, {}, 'acceptor', 'otherCluster');
test('the node itself', refused, {}, {identity: self}, 'acceptor', 'itself');
test('no common version', refused, {wire: {lowest: 3, highest: 4}}, {}, 'acceptor', 'noCommonVersion');
test(
  'proofs of another TLS session',
  refused,
  {channelBinding: 'a'},
  {channelBinding: 'b'},
  'dialler',
  'wrongSecret',
);
test('TLS on one side only', refused, {channelBinding: 'a'}, {}, 'dialler', 'wrongSecret');
test(
  'a certificate of another host',
  refused,
  {},
  {isCertified: host => host === 'two'},
  'acceptor',
  'wrongCertificate',
);

test('whatever somebody in between changes in any field, nobody is accepted on false pretences', t => {
  const fields = fc.constantFrom(
    ...([
      'cluster',
      'instance',
      'incarnation',
      'roles',
      'wire',
      'nonce',
      'wireVersion',
      'proofs',
      'proof',
    ] as const),
  );
  const values = fc.oneof(
    fc.constantFrom<unknown>(nonce('x'), [nonce('x')], 'one:9102', 'two:9102', 'x', ['admin'], 1, {
      lowest: 1,
      highest: 1,
    }),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(fc.integer({min: 0, max: 2}), fields, values, (which, field, value) => {
      let hasChanged = false;
      const {acceptor, dialler} = talk(
        diallerHandshake(terms('one')),
        acceptorHandshake(terms('two')),
        (text, n) => {
          const message = JSON.parse(text) as Record<string, unknown>;
          if (n !== which || !(field in message)) return text;
          if (JSON.stringify(message[field]) === JSON.stringify(value)) return text;
          hasChanged = true;
          return JSON.stringify({...message, [field]: value});
        },
      );
      t.is(peerOf(acceptor) === undefined, hasChanged);
      t.is(peerOf(dialler) === undefined, hasChanged);
    }),
  );
});

test('an older wire version can’t be forced on two that speak a newer one', t => {
  const older = {lowest: 1, highest: 1};
  const {dialler, acceptor} = talk(diallerHandshake(terms('one')), acceptorHandshake(terms('two')), text =>
    JSON.stringify({...(JSON.parse(text) as object), wire: older, wireVersion: 1}),
  );
  t.is(peerOf(acceptor), undefined);
  t.is(peerOf(dialler), undefined);
});

test('a dialler’s own texts, sent back to it, do not convince it', t => {
  const dialler = diallerHandshake(terms('one'));
  const [hello] = dialler.handle({type: 'opened'});
  if (hello?.type !== 'send') return t.fail();
  // The best an echo can do: have the dialler's own node, which knows the secret, answer the hello.
  const [challenge] = acceptorHandshake(terms('one', {nonce: nonce('z')})).handle({
    type: 'received',
    text: hello.text.replace('life-of-one', 'life-of-another'),
  });
  if (challenge?.type !== 'send') return t.fail();
  t.is(refusalOf(dialler.handle({type: 'received', text: challenge.text})), 'itself');
});

test('an acceptor’s proof is none for a dialler, also where everything else is the same', t => {
  const acceptor = acceptorHandshake(terms('two'));
  const [hello] = diallerHandshake(terms('one')).handle({type: 'opened'});
  if (hello?.type !== 'send') return t.fail();
  const [challenge] = acceptor.handle({type: 'received', text: hello.text});
  if (challenge?.type !== 'send') return t.fail();
  const [proof] = (JSON.parse(challenge.text) as {proofs: string[]}).proofs;
  t.is(
    refusalOf(acceptor.handle({type: 'received', text: JSON.stringify({type: 'proof', proof})})),
    'wrongSecret',
  );
});

test('a proof for one challenge is none for the next', t => {
  const recorded = talk(diallerHandshake(terms('one')), acceptorHandshake(terms('two'))).texts;
  const acceptor = acceptorHandshake(terms('two', {nonce: nonce('n')}));
  t.is(acceptor.handle({type: 'received', text: recorded[0] ?? ''})[0]?.type, 'send');
  t.is(refusalOf(acceptor.handle({type: 'received', text: recorded[2] ?? ''})), 'wrongSecret');
});

test('after a refusal nothing is answered any more, not even the right proof', t => {
  const acceptor = acceptorHandshake(terms('two'));
  acceptor.handle({type: 'receivedBinary'});
  const {texts} = talk(diallerHandshake(terms('one')), acceptor);
  t.is(texts.length, 1);
});

test('any sequence of inputs ends in at most one verdict, and never throws', t => {
  const recorded = talk(diallerHandshake(terms('one')), acceptorHandshake(terms('two'))).texts;
  const inputs = fc.array(
    fc.oneof(
      fc.constantFrom(...recorded).map(text => ({type: 'received' as const, text})),
      fc.string({maxLength: 40}).map(text => ({type: 'received' as const, text})),
      fc.constantFrom(
        {type: 'opened' as const},
        {type: 'receivedBinary' as const},
        {type: 'receivedTooMuch' as const, bytes: 70_000},
        {type: 'timePassed' as const, ms: 3000},
        {type: 'closed' as const, code: 1006},
      ),
    ),
  );
  fc.assert(
    fc.property(inputs, sequence => {
      for (const machine of [diallerHandshake(terms('one')), acceptorHandshake(terms('two'))]) {
        const verdicts = sequence
          .flatMap(input => machine.handle(input))
          .filter(({type}) => type === 'accept' || type === 'refuse');
        t.true(verdicts.length <= 1);
      }
    }),
  );
});

test('the common wire version is the highest that both speak', t => {
  t.is(commonWireVersion({lowest: 1, highest: 2}, {lowest: 1, highest: 2}), 2);
  t.is(commonWireVersion({lowest: 1, highest: 2}, {lowest: 2, highest: 3}), 2);
  t.is(commonWireVersion({lowest: 1, highest: 1}, {lowest: 1, highest: 2}), 1);
  t.is(commonWireVersion({lowest: 1, highest: 2}, {lowest: 3, highest: 4}), undefined);
  t.is(commonWireVersion({lowest: 5, highest: 4}, {lowest: 1, highest: 9}), undefined);
});

test('fields that a later release adds are no reason to refuse', t => {
  const hello = {
    ...(JSON.parse(
      talk(diallerHandshake(terms('one')), acceptorHandshake(terms('two'))).texts[0] ?? '',
    ) as object),
    zone: 'a',
  };
  t.not(typeof parseHandshakeMessage(JSON.stringify(hello), 'hello'), 'string');
});
