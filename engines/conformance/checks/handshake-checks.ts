/** Section 3 of the protocol: who is let in, and what becomes of everybody else. */
import {randomBytes} from 'node:crypto';
import {encodeAck, encodeFrame, encodeJson, frameType, nonceBytes} from '../../engine-frame.ts';
import {must} from '../conformance-errors.ts';
import type {EngineCheck, EngineTrial} from '../engine-trial.ts';
import type {TrialProcess} from '../trial-engine.ts';
import {beChallenged, helloFrame, proveFrame, readWelcome} from '../trial-wire.ts';

const claim = JSON.stringify({owner: 'check', epoch: 1});
const handshakeMs = 5000;
const strangers = 40;

/** An engine that still does its work: nothing that strangers do may cost its owner anything. */
async function worksOn(trial: EngineTrial, engine: TrialProcess): Promise<void> {
  const owner = await trial.attach(engine);
  const {end} = await trial.run(engine, owner, trial.task('succeed'));
  must(end.outcome === 'succeeded', `a job after that is ${end.outcome}: ${end.failure?.message ?? ''}`);
}

/** A check that the first bytes of a connection are refused with `code`, and the engine works on. */
const refuses = (
  name: string,
  why: string,
  what: string,
  bytes: () => Uint8Array,
  codes: readonly string[],
): EngineCheck => ({
  name,
  why,
  needs: [],
  async run(trial) {
    const engine = await trial.launch();
    const wire = await trial.wire(engine);
    wire.send(bytes());
    const code = await wire.refusal(what);
    must(codes.includes(code), `${what} was refused with ${code}, not ${codes.join(' or ')}`);
    await worksOn(trial, engine);
  },
});

const nonce = (): Buffer => randomBytes(nonceBytes);

export const handshakeChecks: readonly EngineCheck[] = [
  {
    name: 'handshake/welcome',
    why: 'The owner proves that it knows the secret, the engine proves the same, and says what it is.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const wire = await trial.wire(engine);
      const challenged = await beChallenged(wire, engine.engineId);
      wire.send(proveFrame(challenged, engine.secret, claim));
      const payload = await wire.expect(frameType.welcome, 'a welcome');
      const state = readWelcome(payload, challenged, engine.secret, claim);
      const {engineId, settings, pid} = engine;
      const {engineType, user, creator} = settings;
      for (const [name, value] of Object.entries({engineId, engineType, user, creator, pid, task: null})) {
        must(state[name] === value, `the welcome has ${name} ${JSON.stringify(state[name])}, not ${value}`);
      }
    },
  },
  {
    name: 'handshake/versions',
    why: 'A node that speaks later versions too must still be able to speak to this engine.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      await beChallenged(await trial.wire(engine), engine.engineId, [1, 9]);
    },
  },
  {
    name: 'handshake/pieces',
    why: 'A stream has no borders: frames come in halves, and two at once.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const wire = await trial.wire(engine);
      for (const byte of helloFrame(nonce())) {
        wire.send(Buffer.from([byte]));
        await trial.patience.wait(1);
      }
      await wire.expect(frameType.challenge, 'a challenge to a hello that came byte by byte');
      wire.cut();
      const other = await trial.wire(engine);
      const challenged = await beChallenged(other, engine.engineId);
      const request = encodeJson(frameType.request, {
        id: 7,
        type: 'kill',
        taskID: 9,
        attempt: 1,
        graceMs: 0,
        why: 'killed',
      });
      other.send(Buffer.concat([proveFrame(challenged, engine.secret, claim), request]));
      await other.expect(frameType.welcome, 'a welcome');
      await other.expect(frameType.reply, 'a reply to the request that came with the proof');
    },
  },
  {
    name: 'handshake/fresh-nonces',
    why: 'A nonce that comes twice lets a recorded proof in.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const seen = new Set<string>();
      for (let round = 0; round < 5; round++) {
        const wire = await trial.wire(engine);
        seen.add((await beChallenged(wire, engine.engineId)).engineNonce.toString('hex'));
        wire.cut();
      }
      must(seen.size === 5, 'two challenges have the same nonce');
    },
  },
  {
    name: 'handshake/wrong-secret',
    why: 'Whoever does not know the secret is nobody.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const wire = await trial.wire(engine);
      wire.send(proveFrame(await beChallenged(wire, engine.engineId), nonce().toString('hex'), claim));
      const code = await wire.refusal('a proof with another secret');
      must(code === 'wrongSecret', `a proof with another secret was refused with ${code}, not wrongSecret`);
      await worksOn(trial, engine);
    },
  },
  {
    name: 'handshake/replay',
    why: 'A proof that was overheard must not open the engine again.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const first = await trial.wire(engine);
      const proof = proveFrame(await beChallenged(first, engine.engineId), engine.secret, claim);
      first.send(proof);
      await first.expect(frameType.welcome, 'a welcome');
      first.cut();
      const second = await trial.wire(engine);
      await beChallenged(second, engine.engineId);
      second.send(proof);
      const code = await second.refusal('a proof that was used before');
      must(code === 'wrongSecret', `a proof that was used before was refused with ${code}, not wrongSecret`);
    },
  },
  {
    name: 'handshake/reflection',
    why: 'The proof of one side must not serve as the other’s.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const wire = await trial.wire(engine);
      wire.send(proveFrame(await beChallenged(wire, engine.engineId), engine.secret, claim, 'engine'));
      const code = await wire.refusal('an engine’s proof');
      must(
        code === 'wrongSecret',
        `a proof in the role of the engine was refused with ${code}, not wrongSecret`,
      );
    },
  },
  {
    name: 'handshake/claim-as-sent',
    why: 'The proof covers the claim byte for byte, however its JSON is written.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const wire = await trial.wire(engine);
      const challenged = await beChallenged(wire, engine.engineId);
      const odd = ' { "epoch" : 1 , "later" : [ ] , "owner" : "\\u0061" } ';
      wire.send(proveFrame(challenged, engine.secret, odd));
      readWelcome(await wire.expect(frameType.welcome, 'a welcome'), challenged, engine.secret, odd);
    },
  },
  {
    name: 'handshake/bad-claim',
    why: 'An owner without an epoch can’t be fenced off.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      for (const bad of [
        '{"owner":"a"}',
        '{"owner":7,"epoch":1}',
        '{"owner":"a","epoch":-1}',
        '{"owner":"a","epoch":"1"}',
      ]) {
        const wire = await trial.wire(engine);
        wire.send(proveFrame(await beChallenged(wire, engine.engineId), engine.secret, bad));
        const code = await wire.refusal(`the claim ${bad}`);
        must(code === 'badClaim', `the claim ${bad} was refused with ${code}, not badClaim`);
      }
    },
  },
  refuses(
    'handshake/other-protocol',
    'Something else may connect by mistake.',
    'a hello of another protocol',
    () => helloFrame(nonce(), [1, 1], 'HTTP'),
    ['notThisProtocol'],
  ),
  refuses(
    'handshake/other-version',
    'Two sides that share no version must know it at once.',
    'a hello of versions 7 to 9',
    () => helloFrame(nonce(), [7, 9]),
    ['version'],
  ),
  refuses(
    'handshake/request-first',
    'Nothing is done for somebody who has proved nothing.',
    'a request before the handshake',
    () => encodeJson(frameType.request, {id: 1, type: 'shutdown', graceMs: 0}),
    ['outOfOrder'],
  ),
  refuses(
    'handshake/ack-first',
    'Nothing is done for somebody who has proved nothing.',
    'an acknowledgement before the handshake',
    () => encodeAck(1, 1, 1),
    ['outOfOrder'],
  ),
  refuses(
    'handshake/prove-first',
    'A proof without a challenge proves nothing.',
    'a proof without a hello',
    () => encodeFrame(frameType.prove, Buffer.alloc(40)),
    ['outOfOrder'],
  ),
  refuses(
    'handshake/oversized-frame',
    'A stranger must not be able to fill the engine’s memory: the length is refused, not the body.',
    'a frame that announces 4097 bytes',
    () => Buffer.from('0000100101', 'hex'),
    ['frameTooLong'],
  ),
  refuses(
    'handshake/empty-frame',
    'A frame without its type byte has no meaning.',
    'a frame of length 0',
    () => Buffer.from('0000000001', 'hex'),
    ['badFrame'],
  ),
  {
    name: 'handshake/garbage',
    why: 'Whatever comes, the engine goes on serving its owner.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      for (let round = 0; round < 12; round++) {
        const wire = await trial.wire(engine);
        wire.send(randomBytes(1 + round * 70));
        if (round % 2 === 0) wire.cut();
      }
      await worksOn(trial, engine);
    },
  },
  {
    name: 'handshake/slow',
    why: 'A connection that proves nothing must not be held for ever.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const silent = await trial.wire(engine);
      const began = trial.patience.now();
      const code = await silent.refusal('silence', handshakeMs + trial.patience.ms);
      must(code === 'tooSlow', `silence was refused with ${code}, not tooSlow`);
      const tookMs = trial.patience.now() - began;
      must(tookMs > handshakeMs * 0.8, `a handshake had only ${Math.round(tookMs)} ms, not ${handshakeMs}`);
      await worksOn(trial, engine);
    },
  },
  {
    name: 'handshake/strangers',
    why: 'Many connections that prove nothing must not take the descriptors that the owner needs.',
    needs: [],
    async run(trial) {
      const engine = await trial.launch();
      const wires = [];
      for (let count = 0; count < strangers; count++) wires.push(await trial.wire(engine));
      const last = wires.slice(-strangers / 2);
      const codes = await Promise.all(last.map(wire => wire.refusal('one connection of many')));
      must(
        codes.every(code => code === 'tooManyConnections'),
        `of ${strangers} silent connections the later ones were refused with ${[...new Set(codes)].join(', ')}`,
      );
      for (const wire of wires) wire.cut();
      await trial.patience.wait(100);
      await worksOn(trial, engine);
    },
  },
];
