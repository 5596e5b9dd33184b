/**
 * Whose request it is. Behind a proxy the peer is the proxy, so `X-Forwarded-For` is read, from its right end as long
 * as the hops are trusted: whatever a client puts there itself stands further left and is never believed.
 */
import {BlockList, isIP} from 'node:net';
import type {IncomingHttpHeaders} from 'node:http';

export type ClientAddress = {
  /** The client's address, IPv4 in its plain form. */
  readonly of: (headers: IncomingHttpHeaders, peer: string) => string;
  /** Whether the client's side of a trusted proxy speaks HTTPS. */
  readonly isSecure: (headers: IncomingHttpHeaders, peer: string) => boolean;
};

/** Throws a `RangeError` that names the member of `trustedProxies` that is no address and no CIDR range. */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted = new BlockList();
  for (const member of trustedProxies) addRange(trusted, member);
  const isTrusted = (address: string): boolean =>
    trustedProxies.length > 0 && isIP(address) !== 0 && trusted.check(address, familyOf(address));

  return {
    of(headers, peer) {
      let address = plain(peer);
      if (!isTrusted(address)) return address;
      const hops = String(headers['x-forwarded-for'] ?? '').split(',');
      for (let n = hops.length - 1; n >= 0 && isTrusted(address); n -= 1) {
        const hop = plain((hops[n] ?? '').trim());
        if (isIP(hop) === 0) break;
        address = hop;
      }
      return address;
    },
    isSecure: (headers, peer) => isTrusted(plain(peer)) && headers['x-forwarded-proto'] === 'https',
  };
}

function addRange(list: BlockList, member: string): void {
  const [address = '', bits] = member.split('/');
  const familyMax = isIP(address) === 6 ? 128 : 32;
  const isRange = bits !== undefined;
  if (isIP(address) === 0 || (isRange && !(/^\d{1,3}$/.test(bits) && Number(bits) <= familyMax))) {
    throw new RangeError(`trustedProxies: ${member} is neither an address nor a range such as 10.0.0.0/8.`);
  }
  if (isRange) list.addSubnet(address, Number(bits), familyOf(address));
  else list.addAddress(address, familyOf(address));
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** `::ffff:10.0.0.9` is how a dual-stack socket names an IPv4 peer; lists of legal hosts don't. */
const plain = (address: string): string =>
  address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
