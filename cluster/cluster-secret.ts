/** The secret that makes a process a node of the cluster. It is read from a file at start, and never travels. */
import {constants} from 'node:fs';
import {open} from 'node:fs/promises';
import {LinkisError} from '../actors/domain/errors.ts';

/** Anything shorter could be guessed from one recorded handshake. */
export const secretBytesMin = 32;
/** Whoever names a larger file has named the wrong one. */
const secretBytesMax = 4096;

/** The secret file can't be used; the node does not start (decision 56). */
export class ClusterSecretError extends LinkisError {
  override readonly name = 'ClusterSecretError';
  readonly code = 20913;

  constructor(file: string, why: string, remedy: string, cause?: unknown) {
    super(`Cluster secret file ${file} ${why}. ${remedy}`, {cause});
  }
}

const howToMake = (file: string): string =>
  `Make one with \`umask 077; openssl rand -base64 32 > ${file}\` and give every node a copy.`;

/** The bytes of the file without one trailing newline. Throws `ClusterSecretError`. */
export async function readClusterSecret(file: string): Promise<Buffer> {
  const {mode, size, bytes} = await readBounded(file);
  if ((mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(3, '0');
    throw new ClusterSecretError(
      file,
      `has mode ${shown}: others than its owner may use it`,
      `Run \`chmod 600 ${file}\`, and make a new secret if somebody may have read this one.`,
    );
  }
  if (size > secretBytesMax) {
    throw new ClusterSecretError(
      file,
      `has ${size} bytes, more than any secret (${secretBytesMax})`,
      howToMake(file),
    );
  }
  const secret = bytes.at(-1) === 0x0a ? bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1) : bytes;
  if (secret.length < secretBytesMin) {
    throw new ClusterSecretError(
      file,
      `holds ${secret.length} bytes; a secret has at least ${secretBytesMin}`,
      howToMake(file),
    );
  }
  return secret;
}

/** Mode and content of one and the same file: it is opened once, so nobody can put another in between. */
async function readBounded(
  file: string,
): Promise<{readonly mode: number; readonly size: number; readonly bytes: Buffer}> {
  try {
    // Without waiting: a named pipe would hold up the start for ever.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) {
        throw new ClusterSecretError(file, 'is no regular file', howToMake(file));
      }
      const {bytesRead, buffer} = await handle.read(Buffer.alloc(secretBytesMax), 0, secretBytesMax, 0);
      return {mode: stat.mode, size: stat.size, bytes: buffer.subarray(0, bytesRead)};
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ClusterSecretError) throw error;
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new ClusterSecretError(file, `can't be read (${why})`, howToMake(file), error);
  }
}
