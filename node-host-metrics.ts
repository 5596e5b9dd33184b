/** What the engines of this host use, and how the host itself does, for /metrics. By engine type, never by engine. */
import type {HostSample, HostUsage, HostView} from './actors/ecm-port.ts';
import {nodeHealths, type NodeHealth, type Resources} from './actors/engine-governance.ts';
import {figure, type Metric, type Sample} from './http/metrics.ts';

/** Of the ECM, or of a node that stands alone. */
export type HostState = {
  readonly health: NodeHealth;
  readonly capacity: Resources;
  readonly reserved: Resources;
};

/** `state` resolves to undefined while nobody can say. Nothing is asked before a scrape. */
export function hostMetrics(
  host: HostView,
  state: () => HostState | undefined | Promise<HostState | undefined>,
): readonly Metric[] {
  return [
    ...engineMetrics(() => host.usage()),
    ...loadMetrics(() => host.hostLoad()),
    ...stateMetrics(state),
  ];
}

function engineMetrics(usage: () => HostUsage): readonly Metric[] {
  const byType = (
    name: string,
    help: string,
    type: Metric['type'],
    read: (entry: HostUsage['byType'][number]) => number,
  ): Metric => ({
    name: `tenon_engine_${name}`,
    help,
    type,
    labelNames: ['type'],
    collect: () => usage().byType.map(entry => ({labels: {type: entry.engineType}, value: read(entry)})),
  });
  return [
    byType(
      'memory_bytes',
      'Resident memory of engines and all they started; shared pages count for each process.',
      'gauge',
      ({rssBytes}) => rssBytes,
    ),
    byType('processes', 'Processes of engines.', 'gauge', ({processes}) => processes),
    byType('disk_bytes', 'Room that directories of engines take.', 'gauge', ({diskBytes}) => diskBytes),
    byType(
      'cpu_seconds_total',
      'Processor time of engines and all they started.',
      'counter',
      ({cpuMs}) => cpuMs / 1000,
    ),
    byType(
      'read_bytes_total',
      'Bytes that engines read from storage.',
      'counter',
      ({readBytes}) => readBytes,
    ),
    byType(
      'written_bytes_total',
      'Bytes that engines wrote to storage.',
      'counter',
      ({writtenBytes}) => writtenBytes,
    ),
    figure(
      'tenon_ecm_scan_seconds',
      'What the last look at all processes of engines took.',
      'gauge',
      () => usage().scanMs / 1000,
    ),
  ];
}

function loadMetrics(load: () => Promise<HostSample>): readonly Metric[] {
  const one = (name: string, help: string, read: (sample: HostSample) => number): Metric =>
    figure(`tenon_ecm_host_${name}`, help, 'gauge', async () => read(await load()));
  return [
    one(
      'memory_bytes',
      'Memory of the host, or of the container it is.',
      ({memoryBytesTotal}) => memoryBytesTotal,
    ),
    one('memory_free_bytes', 'Memory that programs could still get.', ({memoryBytesFree}) => memoryBytesFree),
    one('disk_free_bytes', 'Room where engines keep their files.', ({diskBytesFree}) => diskBytesFree),
    one('cpus', 'Processors that may be used.', ({cpuCount}) => cpuCount),
    one('cpu_share', 'Share of them that was used of late, 0 to 1.', ({cpuShare}) => cpuShare),
    one('load_average', 'Load average of the last minute.', ({loadAverage}) => loadAverage),
  ];
}

function stateMetrics(
  state: () => HostState | undefined | Promise<HostState | undefined>,
): readonly Metric[] {
  const resources = (name: string, help: string, read: (known: HostState) => Resources): Metric => ({
    name: `tenon_ecm_${name}`,
    help,
    type: 'gauge',
    labelNames: ['resource'],
    async collect() {
      const known = await state();
      return known === undefined ? [] : samplesOf(read(known));
    },
  });
  return [
    {
      name: 'tenon_ecm_health',
      help: 'Whether this host starts engines: 1 for the state it is in.',
      type: 'gauge',
      labelNames: ['health'],
      async collect() {
        const known = await state();
        if (known === undefined) return [];
        return nodeHealths.map(health => ({labels: {health}, value: Number(health === known.health)}));
      },
    },
    resources('capacity', 'What engines may have reserved together.', ({capacity}) => capacity),
    resources('reserved', 'What engines have reserved.', ({reserved}) => reserved),
  ];
}

const samplesOf = ({memoryBytes, cores, instances}: Resources): readonly Sample[] => [
  {labels: {resource: 'memory_bytes'}, value: memoryBytes},
  {labels: {resource: 'cores'}, value: cores},
  {labels: {resource: 'instances'}, value: instances},
];
