/** The owner's side of the handshake, played against an engine written here by the document alone. */
import {createHmac} from 'node:crypto';
import {readFileSync} from 'node:fs';
import test from 'ava';
import {
  createFrameDecoder,
  encodeFrame,
  encodeJson,
  frameType,
  type Frame,
} from '../../engines/engine-frame.ts';
import {beginHandshake, continueHandshake} from '../../engines/engine-handshake.ts';

const secret = Buffer.from('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'hex');
const ownerNonce = Buffer.alloc(32, 0xa1);
const engineNonce = Buffer.alloc(32, 0xe2);
const claim = {owner: 'node-1', epoch: 3};

const frameOf = (bytes: Buffer): Frame => createFrameDecoder(1e6).push(bytes)[0] ?? {type: 0, payload: bytes};
const challenge = (version = 1, engineId = 'e1'): Frame => {
  const versionBytes = Buffer.alloc(2);
  versionBytes.writeUInt16BE(version);
  return {
    type: frameType.challenge,
    payload: Buffer.concat([versionBytes, engineNonce, Buffer.from(engineId)]),
  };
};
const proof = (role: string, key = secret): Buffer =>
  createHmac('sha256', key)
    .update(Buffer.from(`tenon-engine ${role}\0`))
    .update(Buffer.from('0001', 'hex'))
    .update(ownerNonce)
    .update(engineNonce)
    .update(Buffer.from('0002', 'hex'))
    .update('e1')
    .update(JSON.stringify(claim))
    .digest();
const welcome = (engineProof: Buffer): Frame =>
  frameOf(
    encodeFrame(
      frameType.welcome,
      Buffer.concat([engineProof, Buffer.from('{"engineId":"e1","pid":4,"task":null}')]),
    ),
  );

test('both sides prove the secret without sending it', t => {
  const {handshake, hello} = beginHandshake(secret, ownerNonce, claim);
  t.is(hello.toString('hex'), `0000002901544e455000010001${ownerNonce.toString('hex')}`);
  const proved = continueHandshake(handshake, challenge());
  const sent = frameOf(proved.reply ?? Buffer.alloc(0));
  t.is(sent.type, frameType.prove);
  t.deepEqual(sent.payload.subarray(0, 32), proof('owner'));
  t.is(sent.payload.toString('utf8', 32), '{"owner":"node-1","epoch":3}');
  const attached = continueHandshake(proved.handshake, welcome(proof('engine'))).handshake;
  t.deepEqual(attached, {phase: 'attached', state: {engineId: 'e1', pid: 4}});
});

test('an engine that does not know the secret is not believed', t => {
  const {handshake} = beginHandshake(secret, ownerNonce, claim);
  const proved = continueHandshake(handshake, challenge()).handshake;
  t.throws(() => continueHandshake(proved, welcome(proof('engine', Buffer.alloc(32)))), {
    message: /does not know the secret/,
  });
});

test("an engine can't pass off the owner's own proof as its proof", t => {
  const {handshake} = beginHandshake(secret, ownerNonce, claim);
  const proved = continueHandshake(handshake, challenge()).handshake;
  t.throws(() => continueHandshake(proved, welcome(proof('owner'))), {message: /does not know the secret/});
});

test('a proof for other nonces is another proof', t => {
  const {handshake} = beginHandshake(secret, ownerNonce, claim);
  const other = beginHandshake(secret, Buffer.alloc(32, 0xa2), claim).handshake;
  t.notDeepEqual(
    continueHandshake(handshake, challenge()).reply,
    continueHandshake(other, challenge()).reply,
  );
});

test('a refusal is taken at any time, with its code', t => {
  const {handshake} = beginHandshake(secret, ownerNonce, claim);
  const refused = frameOf(encodeJson(frameType.refused, {code: 'staleEpoch', message: 'too old'}));
  t.deepEqual(continueHandshake(handshake, refused).handshake, {
    phase: 'refused',
    code: 'staleEpoch',
    message: 'too old',
  });
  const proved = continueHandshake(handshake, challenge()).handshake;
  t.is(continueHandshake(proved, refused).handshake.phase, 'refused');
});

test('a version that was not offered, a short challenge and a frame out of order break it off', t => {
  const {handshake} = beginHandshake(secret, ownerNonce, claim);
  t.throws(() => continueHandshake(handshake, challenge(2)), {message: /chose version 2, we offered 1/});
  t.throws(() => continueHandshake(handshake, {type: frameType.challenge, payload: Buffer.alloc(3)}), {
    name: 'EngineProtocolError',
  });
  t.throws(() => continueHandshake(handshake, welcome(proof('engine'))), {message: /came while challenging/});
});

test('the handshake of the documented example is what both sides say', t => {
  const text = readFileSync(new URL('../../docs/engine-protocol.md', import.meta.url), 'utf8');
  const example = (name: string): string =>
    (new RegExp(`\`example: ${name}\`[^]*?\`\`\`hex\\n([^]*?)\`\`\``).exec(text)?.[1] ?? '')
      .replaceAll(/#.*$/gm, '')
      .replaceAll(/\s/g, '');
  const {handshake, hello} = beginHandshake(secret, ownerNonce, claim);
  t.is(hello.toString('hex'), example('hello'));
  const {type, payload} = challenge();
  t.is(encodeFrame(type, payload).toString('hex'), example('challenge'));
  t.is(continueHandshake(handshake, challenge()).reply?.toString('hex'), example('prove'));
  const {payload: welcomed} = welcome(proof('engine'));
  t.is(encodeFrame(frameType.welcome, welcomed).toString('hex'), example('welcome'));
});
