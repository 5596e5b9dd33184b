/** What a node counts, in the shape the facade shows at `/metrics`. Nothing is computed before it is asked. */
import type {GovernanceNode} from './actors/governance-node.ts';
import type {ActorSystem, RuntimeMetrics} from './actors/runtime/system.ts';
import type {Metric} from './http/metrics.ts';

/** `node` is undefined until the actors serve; its figures are left out until then. */
export function nodeMetrics(system: ActorSystem, node: () => GovernanceNode | undefined): readonly Metric[] {
  const runtime = (
    name: string,
    help: string,
    type: Metric['type'],
    read: (metrics: RuntimeMetrics) => number,
  ): Metric => ({
    name: `tenon_actors_${name}`,
    help,
    type,
    labelNames: [],
    collect: () => [{labels: {}, value: read(system.metrics())}],
  });
  const counter = (
    name: string,
    help: string,
    type: Metric['type'],
    read: (counters: ReturnType<GovernanceNode['counters']>) => number,
  ): Metric => ({
    name: `tenon_${name}`,
    help,
    type,
    labelNames: [],
    collect() {
      const running = node();
      return running === undefined ? [] : [{labels: {}, value: read(running.counters())}];
    },
  });
  return [
    runtime('alive', 'Actors alive.', 'gauge', metrics => metrics.actorsAlive),
    runtime('messages_total', 'Messages handled by actors.', 'counter', metrics => metrics.messagesHandled),
    runtime(
      'dead_letters_total',
      'Messages told to actors that had stopped.',
      'counter',
      metrics => metrics.deadLetters,
    ),
    runtime(
      'mailbox_overflows_total',
      'Messages refused by a full mailbox.',
      'counter',
      metrics => metrics.mailboxOverflows,
    ),
    runtime('crashes_total', 'Actors that crashed.', 'counter', metrics => metrics.crashes),
    counter('commits_total', 'Commits of the history writer.', 'counter', counters => counters.commits),
    counter('writes_total', 'Row changes in those commits.', 'counter', counters => counters.writes),
    counter('database_away', '1 while the database can not be asked.', 'gauge', counters =>
      Number(counters.isDatabaseAway),
    ),
    counter('jobs_resident', 'Unfinished jobs with an actor.', 'gauge', counters => counters.residentJobs),
    counter(
      'jobs_passive',
      'Queued jobs that wait in their row alone.',
      'gauge',
      counters => counters.passiveJobs,
    ),
    counter(
      'engine_requests_waiting',
      'Jobs that wait for an engine.',
      'gauge',
      counters => counters.enginesWaitedFor,
    ),
    {
      name: 'tenon_group_jobs',
      help: 'Unfinished jobs by group and whether they run.',
      type: 'gauge',
      labelNames: ['group', 'state'],
      collect: () =>
        (node()?.governance.load() ?? []).flatMap(({group, running, queued}) => [
          {labels: {group, state: 'running'}, value: running},
          {labels: {group, state: 'queued'}, value: queued},
        ]),
    },
    {
      name: 'tenon_engines',
      help: 'Engine processes by type and state.',
      type: 'gauge',
      labelNames: ['type', 'state'],
      collect() {
        const counts = new Map<string, {labels: {type: string; state: string}; value: number}>();
        for (const {key, status} of node()?.engines().values() ?? []) {
          const name = `${key.engineType} ${status}`;
          const sample = counts.get(name) ?? {labels: {type: key.engineType, state: status}, value: 0};
          counts.set(name, {...sample, value: sample.value + 1});
        }
        return [...counts.values()];
      },
    },
  ];
}
