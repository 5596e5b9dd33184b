/**
 * Which of several instances takes a request: by shares in percent (`weight`), by chance, or always the same one for a
 * tenant (`sticky`). Pure; chance comes in as a number.
 */

export type Candidate = {
  readonly instance: string;
  /** Of the requests, 0 to 1; those of all candidates make 1. */
  readonly share: number;
  /** Of the instance's name, so that choosing for a tenant needs to hash the tenant only. */
  readonly hash: number;
};

/**
 * Weights are percent of the requests. What is left to 100 is shared by those without a weight; when nothing is left, or
 * all have one, weights count in proportion to each other.
 */
export function sharesOf(weights: readonly (number | undefined)[]): number[] {
  const given = weights.reduce<number>((sum, weight) => sum + (weight ?? 0), 0);
  const open = weights.filter(weight => weight === undefined).length;
  const left = Math.max(0, 100 - given);
  if (open === 0 || left === 0) return weights.map(weight => (weight ?? 0) / given);
  return weights.map(weight => (weight ?? left / open) / 100);
}

/** The candidate at `chance`, which is uniform in [0, 1). Undefined for none. */
export function pickByShare(candidates: readonly Candidate[], chance: number): Candidate | undefined {
  let rest = chance;
  for (const candidate of candidates) {
    rest -= candidate.share;
    if (rest < 0) return candidate;
  }
  // Shares that are added up may miss 1 by a rounding.
  return candidates.findLast(({share}) => share > 0);
}

/** Without weights, which is the rule: no walk through the candidates. */
export const pickEqually = (candidates: readonly Candidate[], chance: number): Candidate | undefined =>
  candidates[Math.floor(chance * candidates.length)];

/**
 * Weighted rendezvous hashing: the same one for the same key, as long as it is there; when one leaves only its keys move,
 * and one that comes takes its share from all. (Schindelhauer and Schomaker, "Weighted Distributed Hash Tables".)
 */
export function pickByKey(candidates: readonly Candidate[], key: string): Candidate | undefined {
  const keyHash = hashOf(key);
  let best: Candidate | undefined;
  let bestScore = -1;
  for (const candidate of candidates) {
    const uniform = (mix(keyHash ^ candidate.hash) + 0.5) / 2 ** 32;
    const score = candidate.share / -Math.log(uniform);
    if (score > bestScore && candidate.share > 0) [best, bestScore] = [candidate, score];
  }
  return best;
}

/** FNV-1a over UTF-16 units: 32 bits, the same on every node. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** The end of MurmurHash3: each bit of the input changes half of the output's. */
function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
