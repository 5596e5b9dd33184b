/**
 * The paths of Linkis' filesystem calls: plain, or with a scheme (`file:///…`). Taken literally: nothing is decoded, so
 * there is nothing to decode twice, and what our listings answer can be sent back as it is.
 */
import {posix} from 'node:path';

const pathCharsMax = 4096;

/** The absolute, normalised path that a client means; undefined for what is none on this machine. */
export function parseFilePath(text: string): string | undefined {
  const scheme = /^(?<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?<rest>.*)$/s.exec(text)?.groups;
  if (scheme !== undefined && scheme['scheme']?.toLowerCase() !== 'file') return undefined;
  // A host other than this one is not ours to read from, nor the name of a directory.
  const rest =
    scheme === undefined
      ? text
      : (/^(?:\/\/(?:localhost)?)?(?<path>\/(?!\/).*)$/s.exec(scheme['rest'] ?? '')?.groups?.['path'] ?? '');
  if (!rest.startsWith('/') || rest.includes('\0') || rest.length > pathCharsMax) return undefined;
  const path = posix.normalize(rest).replace(/^\/{2,}/, '/');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** How paths are written in answers. */
export const printFilePath = (path: string): string => `file://${path}`;
