/**
 * Where pages of result sets began, so that a client that asks for one page after the other does not make us pass all
 * rows before it each time. Bounded; what is forgotten is found again by passing.
 */
type Version = {readonly ino: number; readonly size: number; readonly mtimeMs: number};
type Place = {readonly row: number; readonly offset: number};

const filesMax = 256;
const placesMax = 512;

export class FilePlaces {
  /** By row, in ascending order as pages are mostly asked for so; oldest noted first. */
  readonly #places = new Map<number, number>();

  /** The last known place at or before a row. */
  before(row: number): Place | undefined {
    const exact = this.#places.get(row);
    if (exact !== undefined) return {row, offset: exact};
    let best: Place | undefined;
    for (const [known, offset] of this.#places) {
      if (known <= row && known > (best?.row ?? -1)) best = {row: known, offset};
    }
    return best;
  }

  note(row: number, offset: number): void {
    this.#places.set(row, offset);
    if (this.#places.size <= placesMax) return;
    const [oldest] = this.#places.keys();
    if (oldest !== undefined) this.#places.delete(oldest);
  }
}

export class RowPlaces {
  readonly #files = new Map<string, {readonly version: Version; readonly places: FilePlaces}>();

  /** The places of this version of a file: a changed one starts with none. */
  of(path: string, {ino, size, mtimeMs}: Version): FilePlaces {
    const known = this.#files.get(path);
    const isSame =
      known !== undefined &&
      known.version.ino === ino &&
      known.version.size === size &&
      known.version.mtimeMs === mtimeMs;
    const entry = isSame ? known : {version: {ino, size, mtimeMs}, places: new FilePlaces()};
    this.#files.delete(path);
    this.#files.set(path, entry);
    const [oldest] = this.#files.keys();
    if (this.#files.size > filesMax && oldest !== undefined) this.#files.delete(oldest);
    return entry.places;
  }
}
