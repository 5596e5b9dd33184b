/** Does `work` for all items, at most so many at a time; results in the items' order. Rejects with the first failure. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  atOnceMax: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let n = 0; n < items.length; n += atOnceMax) {
    // One batch after the other, which is the bound.
    // oxlint-disable-next-line no-await-in-loop
    results.push(...(await Promise.all(items.slice(n, n + atOnceMax).map(work))));
  }
  return results;
}
