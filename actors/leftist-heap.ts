/**
 * A priority queue as a value: adding and taking cost O(log n) and copy only the path they touch, so a machine can hold
 * 100,000 waiting jobs in its state. Leftist heap (Crane 1972; Okasaki, Purely Functional Data Structures, 3.1).
 */
export type Heap<Item> =
  | {
      readonly rank: number;
      readonly item: Item;
      readonly left: Heap<Item>;
      readonly right: Heap<Item>;
    }
  | undefined;

/** Merges two heaps; `isBefore` says whether the first item goes out earlier than the second. */
export function merge<Item>(
  one: Heap<Item>,
  other: Heap<Item>,
  isBefore: (a: Item, b: Item) => boolean,
): Heap<Item> {
  if (one === undefined) return other;
  if (other === undefined) return one;
  const [first, second] = isBefore(other.item, one.item) ? [other, one] : [one, other];
  const merged = merge(first.right, second, isBefore);
  return rankOf(first.left) >= rankOf(merged)
    ? {rank: rankOf(merged) + 1, item: first.item, left: first.left, right: merged}
    : {rank: rankOf(first.left) + 1, item: first.item, left: merged, right: first.left};
}

export const single = <Item>(item: Item): Heap<Item> => ({rank: 1, item, left: undefined, right: undefined});

const rankOf = <Item>(heap: Heap<Item>): number => heap?.rank ?? 0;
