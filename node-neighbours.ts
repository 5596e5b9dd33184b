/**
 * Data directories of other nodes on this host, kept in a file of our own: what was taken over from a node lies in its
 * directory, and is to be read long after its lease is forgotten.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Logger} from 'pino';

export type Neighbours = {
  readonly add: (dataDirectory: string) => void;
  readonly all: () => readonly string[];
};

const neighboursMax = 256;

export function openNeighbours(dataDirectory: string, log: Pick<Logger, 'warn'>): Neighbours {
  const file = join(dataDirectory, 'neighbours.json');
  let known = readKnown(file);
  return {
    add(directory) {
      if (known.includes(directory)) return;
      known = [...known, directory].slice(-neighboursMax);
      try {
        writeFileSync(file, JSON.stringify(known), {mode: 0o600});
      } catch (error) {
        log.warn({file, err: error}, 'a neighbour on this host will be forgotten at the next start');
      }
    },
    all: () => known,
  };
}

/** A file that can't be read counts as none: members that live are met again. */
function readKnown(file: string): readonly string[] {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(found) ? found.filter(each => typeof each === 'string').slice(-neighboursMax) : [];
  } catch {
    return [];
  }
}
