/** Numbers that never repeat in this process, for actors and questions: a successor never has its predecessor's. */
let lastUid = 0;

/** The next number, from 1. Counted, not drawn: drawn 32-bit ids collide once in 77,000 (nact's reply ids do). */
export function nextUid(): number {
  lastUid += 1;
  return lastUid;
}
