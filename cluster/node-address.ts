/**
 * The address of a node, `host:port`: what other nodes dial, what stands in the seeds' instance columns and inside execIDs.
 * A host is a name, an IPv4 address, or an IPv6 address in brackets.
 */
export type NodeAddress = {readonly host: string; readonly port: number};

/** Width of the instance columns. */
const addressCharsMax = 128;
const portMax = 65_535;

export const printNodeAddress = ({host, port}: NodeAddress): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** The address, or a sentence that says what is wrong with the text. Port 0 is allowed: any free one. */
export function parseNodeAddress(text: string): NodeAddress | string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > portMax) {
    return `must be HOST:PORT with a port from 0 to ${portMax}, not ${JSON.stringify(text)}`;
  }
  const host = match[1].replace(/^\[|\]$/g, '');
  // The instances in an execID are joined with underscores (decision 1).
  if (host.includes('_')) return `: a host name with an underscore can't be part of an execID: ${host}`;
  if (text.length > addressCharsMax) {
    return `has ${text.length} characters, but the instance column holds ${addressCharsMax}`;
  }
  return {host, port};
}
