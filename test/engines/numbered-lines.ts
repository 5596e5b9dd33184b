/** What a job prints that counts: known beforehand, so that a hash tells whether all of it came. */
import {createHash} from 'node:crypto';

/** SHA-256 of the lines 1 … `count`. */
export function sha256OfNumbers(count: number): string {
  const hash = createHash('sha256');
  let text = '';
  for (let number = 1; number <= count; number++) {
    text += `${number}\n`;
    if (text.length > 100_000) {
      hash.update(text);
      text = '';
    }
  }
  return hash.update(text).digest('hex');
}
