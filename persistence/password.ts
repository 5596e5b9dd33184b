/**
 * Passwords as scrypt texts: `scrypt$N$r$p$salt$hash`, both in base64. The cost stands in the text, so raising it later
 * leaves old passwords valid. Works in libuv's threads; the event loop stays free.
 */
import {randomBytes, scrypt, timingSafeEqual, type ScryptOptions} from 'node:crypto';

type Cost = {readonly N: number; readonly r: number; readonly p: number};

/** OWASP's second choice (32 MB, 2^15): hashing takes about 0.1 s, and a few at once do not exhaust a small machine. */
const cost: Cost = {N: 2 ** 15, r: 8, p: 3};
const hashBytes = 32;
const saltBytes = 16;
/** Longer ones cost time and gain nothing; also the bound for what a stored text may ask of us. */
export const passwordBytesMax = 1_024;
const memoryBytesMax = 256 * 1024 * 1024;

/** Rejects with `RangeError` for a password over `passwordBytesMax` bytes. */
export async function hashPassword(password: string): Promise<string> {
  if (Buffer.byteLength(password) > passwordBytesMax) {
    throw new RangeError(`A password has at most ${passwordBytesMax} bytes.`);
  }
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, hashBytes, cost);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), hash.toString('base64')].join('$');
}

/**
 * Whether `password` is the one behind `text`; takes the same time for any wrong password. Without a text (no such user)
 * it works as long and answers false, so that the time tells nobody which users exist.
 */
export async function verifyPassword(password: string, text: string | undefined): Promise<boolean> {
  const stored = text === undefined ? undefined : parse(text);
  const {salt, hash, cost: asked} = stored ?? {salt: nobodysSalt, hash: nobodysHash, cost};
  const isTooLong = Buffer.byteLength(password) > passwordBytesMax;
  const derived = await derive(isTooLong ? '' : password, salt, hash.length, asked);
  return timingSafeEqual(derived, hash) && stored !== undefined && !isTooLong;
}

const nobodysSalt = Buffer.alloc(saltBytes);
const nobodysHash = Buffer.alloc(hashBytes);

function parse(text: string): {salt: Buffer; hash: Buffer; cost: Cost} | undefined {
  const [scheme, n, r, p, salt = '', hash = '', ...more] = text.split('$');
  const asked: Cost = {N: Number(n), r: Number(r), p: Number(p)};
  const isSound = Object.values(asked).every(number => Number.isSafeInteger(number) && number > 0);
  const found = {salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64'), cost: asked};
  if (scheme !== 'scrypt' || more.length > 0 || !isSound || found.hash.length < 16) return undefined;
  // A text that asks for more memory than we give is not ours.
  return 128 * asked.N * asked.r < memoryBytesMax ? found : undefined;
}

function derive(password: string, salt: Buffer, length: number, {N, r, p}: Cost): Promise<Buffer> {
  const options: ScryptOptions = {N, r, p, maxmem: memoryBytesMax};
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
