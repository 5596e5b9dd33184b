/**
 * Choosing an instance among 100, against the 10 µs that the design allows for it: by chance, by weight, for a sticky
 * tenant (which looks at every candidate), and the first choice after a change, which builds the snapshot.
 */
import {entranceService} from '../actors/domain/exec-id.ts';
import {createSnapshot, type RouteMember} from '../actors/route-snapshot.ts';
import {resolve, type RouteRequest} from '../actors/router.ts';
import {seededRandom} from '../actors/runtime/random.ts';
import {interleaved, median, row, type BenchOptions, type Row} from './row.ts';

const instances = 100;
const limitUs = 10;
const rebuildLimitUs = 5000;
const service = entranceService;

const membersWith = (labels: (n: number) => Record<string, string>): readonly RouteMember[] =>
  Array.from({length: instances}, (_, n) => ({
    instance: `host-${n}.example.com:9104`,
    incarnation: 'i',
    roles: ['gateway', 'entrance'],
    state: 'up',
    isReachable: true,
    labels: labels(n),
  }));

export async function benchRouter({isShort}: BenchOptions): Promise<Row[]> {
  const times = isShort ? 20_000 : 200_000;
  const mixed = membersWith(n => (n % 2 === 0 ? {} : {route: `et${n % 10}`}));
  const weighted = createSnapshot(membersWith(n => ({weight: n % 3 === 0 ? '1' : '0'})));
  const sticky = createSnapshot(membersWith(() => ({sticky: 'tenant'})));
  const snapshot = createSnapshot(mixed);
  const random = seededRandom(1);

  const usOf = (count: number, choose: (n: number) => void) => async (): Promise<number> => {
    const startedMs = performance.now();
    for (let n = 0; n < count; n += 1) choose(n);
    return ((performance.now() - startedMs) * 1000) / count;
  };
  const labelled: readonly RouteRequest[] = [1, 3, 5, 7, 9].map(n => ({service, routeLabel: `et${n}`}));
  const tenants: readonly RouteRequest[] = Array.from({length: 64}, (_, n) => ({
    service,
    tenant: `tenant ${n}`,
  }));

  const samples = await interleaved(isShort ? 5 : 11, {
    'a label, by chance': usOf(times, n => resolve(snapshot, labelled[n % 5] ?? {service}, random)),
    'no label, by chance': usOf(times, () => resolve(snapshot, {service}, random)),
    'by weight': usOf(times, () => resolve(weighted, {service}, random)),
    'a sticky tenant': usOf(times / 10, n => resolve(sticky, tenants[n % 64] ?? {service}, random)),
    'snapshot and first choice': usOf(times / 1000, () => resolve(createSnapshot(mixed), {service}, random)),
  });
  return Object.entries(samples).map(([name, us]) => {
    const limit = name.startsWith('snapshot') ? rebuildLimitUs : limitUs;
    return row({
      name: `route among ${instances}: ${name}`,
      ours: median(us),
      unit: 'µs',
      against: 'limit',
      theirs: limit,
      atMost: 1,
    });
  });
}
