/**
 * The receiving half of the reliable class: takes each number once, in order. Numbers may be left out, for what its sender
 * gave up in between; they never come later, as a connection keeps order and a new one begins with what was not
 * acknowledged.
 */
export class ReliableReceiver {
  #received = 0;

  /** The last number taken: what the peer is told. */
  get received(): number {
    return this.#received;
  }

  /** Whether this is new. 0 is not of the reliable class, and always new. */
  take(seq: number): boolean {
    if (seq === 0) return true;
    if (seq <= this.#received) return false;
    this.#received = seq;
    return true;
  }
}
