/** The text of /metrics. `prom-client` is loaded when it is first asked for (decision 57). */
import type {Registry} from 'prom-client';
import {createFreshCache} from './fresh-cache.ts';
import type {Metric, Sample} from './metrics.ts';
import {durationBucketsSeconds, type RequestStatistics} from './request-statistics.ts';
import type {RouteContext} from './route-context.ts';

export type MetricsPage = {
  readonly print: () => Promise<{readonly contentType: string; readonly text: string}>;
};

async function load() {
  const prometheus = await import('prom-client');
  // Once: it watches garbage collection and the event loop, and each watching costs.
  const processRegistry = new prometheus.Registry();
  prometheus.collectDefaultMetrics({register: processRegistry});
  return {prometheus, processRegistry};
}

/** Shows these, the process, and how long requests took. */
export function createMetricsPage(metrics: readonly Metric[], statistics: RequestStatistics): MetricsPage {
  let loaded: Promise<{prometheus: Prometheus; processRegistry: Registry}> | undefined;

  return {
    async print() {
      loaded ??= load();
      const {prometheus, processRegistry} = await loaded;
      const registry = new prometheus.Registry();
      const collected = await Promise.all(
        // A figure that can't be had now is left out; the others still count.
        metrics.map(async metric => ({metric, samples: await collect(metric).catch(() => [])})),
      );
      for (const {metric, samples} of collected) {
        // Without a sample the library would print one without labels as 0.
        if (samples.length > 0) add(prometheus, registry, metric, samples);
      }
      const texts = [await processRegistry.metrics(), await registry.metrics(), printDurations(statistics)];
      return {contentType: registry.contentType, text: texts.join('\n')};
    },
  };
}

type Prometheus = typeof import('prom-client');

const collect = async (metric: Metric): Promise<readonly Sample[]> => metric.collect();

function add(prometheus: Prometheus, registry: Registry, metric: Metric, samples: readonly Sample[]): void {
  const {name, help, type} = metric;
  const settings = {name, help, labelNames: [...metric.labelNames], registers: [registry]};
  if (type === 'counter') {
    const counter = new prometheus.Counter(settings);
    for (const {labels, value} of samples) counter.inc(labels, value);
  } else {
    const gauge = new prometheus.Gauge(settings);
    for (const {labels, value} of samples) gauge.set(labels, value);
  }
}

/** Counting a long history takes its time; scrapes of several collectors share one count. */
const countsFreshMs = 5000;

/** What a facade counts of jobs, those of other nodes included. */
export function jobMetrics({
  clock,
  governance,
  jobs,
}: Pick<RouteContext, 'clock' | 'governance' | 'jobs'>): readonly Metric[] {
  const counts = createFreshCache(clock, {freshMs: countsFreshMs, graceMs: 0, entriesMax: 1}, () =>
    jobs.countByStatus({}),
  );
  return [
    {
      name: 'tenon_jobs',
      help: 'Jobs in history by status',
      type: 'gauge',
      labelNames: ['status'],
      collect: async () =>
        Object.entries((await counts.get('all')) ?? {}).map(([status, value]) => ({labels: {status}, value})),
    },
    {
      name: 'tenon_unfinished_jobs',
      help: 'Unfinished jobs of this node by engine type and state',
      type: 'gauge',
      labelNames: ['engine_type', 'state'],
      collect: () => byEngineType(governance.load()),
    },
  ];
}

function byEngineType(groups: ReturnType<RouteContext['governance']['load']>) {
  const sums = new Map<string, {running: number; queued: number}>();
  for (const {engineType, running, queued} of groups) {
    const sum = sums.get(engineType) ?? {running: 0, queued: 0};
    sums.set(engineType, {running: sum.running + running, queued: sum.queued + queued});
  }
  return [...sums].flatMap(([engineType, {running, queued}]) => [
    {labels: {engine_type: engineType, state: 'running'}, value: running},
    {labels: {engine_type: engineType, state: 'queued'}, value: queued},
  ]);
}

const histogram = 'tenon_http_request_duration_seconds';

function printDurations(statistics: RequestStatistics): string {
  const lines = [
    `# HELP ${histogram} Time from request to answer, by route`,
    `# TYPE ${histogram} histogram`,
  ];
  for (const {method, route, statusClass, counts, count, sumSeconds} of statistics.all()) {
    const labels = `method="${method}",route="${route}",status="${statusClass}"`;
    let upTo = 0;
    for (const [n, limit] of durationBucketsSeconds.entries()) {
      upTo += counts[n] ?? 0;
      lines.push(`${histogram}_bucket{${labels},le="${limit}"} ${upTo}`);
    }
    lines.push(`${histogram}_bucket{${labels},le="+Inf"} ${count}`);
    lines.push(`${histogram}_sum{${labels}} ${sumSeconds}`, `${histogram}_count{${labels}} ${count}`);
  }
  return `${lines.join('\n')}\n`;
}
