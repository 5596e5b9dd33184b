/**
 * What two nodes say before they trust each other: four texts of JSON, checked against a schema and bounded, since whoever
 * reaches the port can send them. docs/wire.md shows them.
 *
 *     dialler            acceptor
 *       hello ──────────▶           who I am, which wire versions I speak, my nonce
 *             ◀────────── challenge  the same of the other, the version chosen, its proofs
 *       proof ──────────▶           mine
 *             ◀────────── welcome
 */
import {Type, type Static} from 'typebox';
import {Check} from 'typebox/value';
import {parseNodeAddress} from './node-address.ts';

/** The one path of the cluster port. */
export const clusterPath = '/cluster';
/** The WebSocket sub-protocol: this handshake. One that its readers would not understand gets another name. */
export const clusterProtocol = 'tenon-cluster.1';

/** Of this build. A node speaks the newest version and the one before it, so that neighbours in a rolling restart meet. */
export const wireVersions = {lowest: 1, highest: 2} as const;

export type WireRange = {readonly lowest: number; readonly highest: number};

/** The highest version that both speak; undefined when there is none. */
export function commonWireVersion(one: WireRange, other: WireRange): number | undefined {
  const version = Math.min(one.highest, other.highest);
  return version >= Math.max(one.lowest, other.lowest) ? version : undefined;
}

/** One life of a node, as it introduces itself. */
export type NodeIdentity = {
  /** `host:port`, where others dial it. */
  readonly instance: string;
  /** Made once per process start, 1 to 64 characters. */
  readonly incarnation: string;
  readonly roles: readonly string[];
};

/** Of the text of one message. Eight times what the longest real one has. */
export const helloCharsMax = 8192;
export const nonceBytes = 32;

// 32 bytes in base64url.
const digest = Type.String({pattern: '^[A-Za-z0-9_-]{43}$'});
const version = Type.Integer({minimum: 1, maximum: 65_535});

const introduction = {
  cluster: Type.String({minLength: 1, maxLength: 128}),
  instance: Type.String({minLength: 3, maxLength: 128}),
  incarnation: Type.String({pattern: '^[A-Za-z0-9_-]{1,64}$'}),
  roles: Type.Array(Type.String({minLength: 1, maxLength: 64}), {maxItems: 16}),
  wire: Type.Object({lowest: version, highest: version}),
  nonce: digest,
};

const Hello = Type.Object({type: Type.Literal('hello'), ...introduction});

const Challenge = Type.Object({
  type: Type.Literal('challenge'),
  ...introduction,
  wireVersion: version,
  /** One for each secret the acceptor knows: while secrets are changed, the dialler may know only the older. */
  proofs: Type.Array(digest, {minItems: 1, maxItems: 2}),
});

const Proof = Type.Object({type: Type.Literal('proof'), proof: digest});

const Welcome = Type.Object({type: Type.Literal('welcome')});

export type Hello = Static<typeof Hello>;
export type Challenge = Static<typeof Challenge>;
export type HandshakeMessage = Hello | Challenge | Static<typeof Proof> | Static<typeof Welcome>;
/** Who somebody says to be; both the hello and the challenge hold one. */
export type Introduction = Omit<Hello, 'type'>;

const schemas = {hello: Hello, challenge: Challenge, proof: Proof, welcome: Welcome} as const;

/** The message of that type, or a sentence that says what is wrong with the text. */
export function parseHandshakeMessage<T extends HandshakeMessage['type']>(
  text: string,
  type: T,
): Extract<HandshakeMessage, {type: T}> | string {
  if (text.length > helloCharsMax) return `it sent ${text.length} characters, the limit is ${helloCharsMax}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `it sent something that is not JSON where a ${type} was due`;
  }
  const schema = schemas[type];
  if (!isOf<T>(schema, value)) return `it sent something that is not a ${type}`;
  if ('instance' in value && typeof parseNodeAddress(value.instance) === 'string') {
    return `it calls itself ${JSON.stringify(value.instance)}, which is no HOST:PORT`;
  }
  return value;
}

const isOf = <T extends HandshakeMessage['type']>(
  schema: (typeof schemas)[T],
  value: unknown,
): value is Extract<HandshakeMessage, {type: T}> => Check(schema, value);
