/** `tenon nodes`: who is in the cluster; `tenon drain`: one of them is to leave. */
import type {Command} from 'commander';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {exitCodes} from './exit-code.ts';
import {printTable} from './text-table.ts';

export const nodesCommand = (world: CommandWorld): Command =>
  clientCommand('nodes', 'show the nodes of the cluster; administrators only').action(
    async (options: ClientOptions) => {
      await withClient(options, world, async client => {
        const {nodes} = await client.ask('cluster/nodes', {});
        const rows = Array.isArray(nodes) ? nodes.map(readNode) : [];
        if (options.json) await writeJson(world.terminal, {nodes});
        else await world.terminal.write(table(rows));
        return exitCodes.ok;
      });
    },
  );

export const drainCommand = (world: CommandWorld): Command =>
  clientCommand('drain', 'have a node hand over its jobs and end; administrators only')
    .argument('<node>', 'host:port, as `tenon nodes` shows it')
    .action(async (instance: string, options: ClientOptions) => {
      await withClient(options, world, async client => {
        const data = await client.ask('cluster/drain', {body: {instance}});
        if (options.json) await writeJson(world.terminal, data);
        else await world.terminal.write(`${instance} hands over and leaves.\n`);
        return exitCodes.ok;
      });
    });

type Row = {
  readonly instance: string;
  readonly state: string;
  readonly roles: string;
  readonly labels: string;
  readonly link: string;
  readonly url: string;
};

/** What an older or newer node leaves out is shown as a dash. */
function readNode(value: unknown): Row {
  const node = recordOf(value);
  const {instance, state, roles, labels, isSelf, isReachable, isOffline, isManager, link, url} = node;
  const marks = [
    ...(isManager === true ? ['manager'] : []),
    ...(isOffline === true ? ['offline'] : []),
    ...(isReachable === false ? ['unreachable'] : []),
  ];
  return {
    instance: textOf(instance),
    state: [textOf(state), ...marks].join(', '),
    roles: Array.isArray(roles) ? roles.map(textOf).join(',') : '-',
    labels:
      Object.entries(recordOf(labels))
        .map(([key, label]) => `${key}=${textOf(label)}`)
        .join(' ') || '-',
    link: isSelf === true ? 'this node' : linkOf(recordOf(link)),
    url: textOf(url),
  };
}

function linkOf({state, rttMs}: Readonly<Record<string, unknown>>): string {
  if (typeof state !== 'string') return '-';
  return typeof rttMs === 'number' ? `${state} ${rttMs.toFixed(1)} ms` : state;
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? {...value} : {};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '-');

const table = (rows: readonly Row[]): string =>
  printTable({
    header: ['NODE', 'STATE', 'ROLES', 'LABELS', 'LINK', 'FACADE'],
    rows: rows.map(({instance, state, roles, labels, link, url}) => [
      instance,
      state,
      roles,
      labels,
      link,
      url,
    ]),
  });
