/**
 * One id from HTTP through actors to engine and log. A client's own is taken over when it is harmless in a log line;
 * otherwise it gets one of ours, unique to the process by its random beginning.
 */
import type {IncomingHttpHeaders} from 'node:http';

export const requestIdHeader = 'x-request-id';

const harmless = /^[\w.:@/=+-]{1,64}$/;

/** Returns what names a request. `randomBytes` is asked once. */
export function createRequestIds(
  randomBytes: (size: number) => Uint8Array,
): (request: {readonly headers: IncomingHttpHeaders}) => string {
  const process = Buffer.from(randomBytes(6)).toString('base64url');
  let count = 0;
  return ({headers}) => {
    const given = headers[requestIdHeader];
    if (typeof given === 'string' && harmless.test(given)) return given;
    count += 1;
    return `${process}-${count.toString(36)}`;
  };
}
