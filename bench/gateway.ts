/**
 * What it costs to submit through a gateway on another node: the way there and back over a link, against the same
 * submission to a gateway that has the entrance itself. One at a time, durable, both in turn.
 */
import type {ExecutionContext} from 'ava';
import {startClusterProcesses} from '../test/support/cluster-processes.ts';
import {median, row, type BenchOptions, type Row} from './row.ts';

export async function benchGateway({isShort}: BenchOptions): Promise<Row[]> {
  const cleanUps: (() => unknown)[] = [];
  // All that the fixture uses of a test.
  const owner = {
    teardown: (cleanUp: () => unknown) => cleanUps.push(cleanUp),
    log: () => undefined,
    passed: true,
  } as unknown as ExecutionContext;
  try {
    const environment = {
      TENON_GOVERNANCE_GROUP_RUNNING_MAX: '1',
      TENON_HTTP_USER_UNFINISHED_JOBS_MAX: '1000000',
      TENON_GOVERNANCE_GROUP_WAITING_MAX: '1000000',
    };
    const cluster = await startClusterProcesses(owner, {
      nodes: [
        {name: 'near', roles: ['gateway', 'entrance', 'ecm'], environment},
        {name: 'far', roles: ['gateway'], environment},
      ],
    });
    // Holds the only place of its group: nothing else runs meanwhile.
    await cluster.submit('sleep 600', {via: 'near'});
    const timed = async (via: string): Promise<number> => {
      const startedMs = performance.now();
      await cluster.submit('echo never run', {via});
      return performance.now() - startedMs;
    };
    const samples: Record<'near' | 'far', number[]> = {near: [], far: []};
    for (let count = 0; count < (isShort ? 300 : 2000); count += 1) {
      // In turn, so that what slows the machine slows both.
      for (const via of ['near', 'far'] as const) {
        // oxlint-disable-next-line no-await-in-loop
        const tookMs = await timed(via);
        if (count >= 50) samples[via].push(tookMs);
      }
    }
    return [
      row({
        name: 'submission through a gateway on another node, p50',
        ours: median(samples.far),
        unit: 'ms',
        against: 'to its own entrance',
        theirs: median(samples.near),
        atMost: 1.5,
        note: 'one at a time, durable',
      }),
    ];
  } finally {
    // Ends the engine that is left at work too, which would be a fault in a test.
    for (const cleanUp of cleanUps.toReversed()) await Promise.resolve(cleanUp()).catch(() => undefined);
  }
}
