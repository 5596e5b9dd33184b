import test from 'ava';
import * as fc from 'fast-check';
import {FanOut, fanOutMax, type Bucket} from '../../../actors/runtime/fan-out.ts';
import type {HostRef} from '../../../actors/runtime/nact-host.ts';

/** Counts the children of each node, as nact would hold them. */
function countingHost() {
  const parents = new Map<HostRef, HostRef>();
  const children = new Map<HostRef, number>();
  const root = {} as HostRef;
  const change = (node: HostRef, by: number): void => {
    children.set(node, (children.get(node) ?? 0) + by);
  };
  return {
    root,
    change,
    children,
    host: {
      spawnBucket(parent: HostRef): HostRef {
        const node = {} as HostRef;
        parents.set(node, parent);
        change(parent, 1);
        return node;
      },
      remove(node: HostRef): void {
        if ((children.get(node) ?? 0) > 0) throw new Error('A bucket was removed with children in it.');
        const parent = parents.get(node);
        if (parent !== undefined) change(parent, -1);
        parents.delete(node);
        children.delete(node);
      },
    },
    buckets: () => parents.size,
  };
}

test('no node ever has more than 100 children, and empty buckets go, whoever comes and leaves', t => {
  const steps = fc.array(fc.record({take: fc.nat({max: 700}), give: fc.nat({max: 700}), seed: fc.nat()}));
  fc.assert(
    fc.property(steps, story => {
      const {root, host, change, children, buckets} = countingHost();
      const fanOut = new FanOut(host, root);
      const taken: Bucket[] = [];
      for (const {take, give, seed} of story) {
        for (let left = take; left > 0; left -= 1) {
          const bucket = fanOut.take();
          if (bucket === undefined) throw new Error('There is room for a million.');
          change(bucket.host, 1);
          taken.push(bucket);
        }
        for (let left = Math.min(give, taken.length); left > 0; left -= 1) {
          const [bucket] = taken.splice((seed * left) % taken.length, 1);
          if (bucket === undefined) break;
          change(bucket.host, -1);
          fanOut.give(bucket);
        }
        t.true([...children.values()].every(count => count <= fanOutMax));
        t.is(fanOut.buckets, buckets());
      }
      for (const bucket of taken) {
        change(bucket.host, -1);
        fanOut.give(bucket);
      }
      t.is(buckets(), 0);
    }),
    {numRuns: 40},
  );
});

test('a million and 32 children fit, and one more is refused', t => {
  const fanOut = new FanOut({spawnBucket: () => ({}) as HostRef, remove() {}}, {} as HostRef);
  for (let child = 0; child < 1_000_032; child += 1) {
    if (fanOut.take() === undefined) throw new Error(`Child ${child} was refused.`);
  }
  t.is(fanOut.take(), undefined);
  t.is(fanOut.buckets, 10_101);
});
