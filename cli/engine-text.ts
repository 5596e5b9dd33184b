/** Engines, their hosts and what was done to end one, for people. What an older or newer node leaves out is a dash. */
import {isRecord} from '../actors/domain/job-params.ts';
import {printTable} from './text-table.ts';
import {printDuration} from './time-text.ts';

export type Facts = Readonly<Record<string, unknown>>;

export const recordOf = (value: unknown): Facts => (isRecord(value) ? value : {});

export const readList = (value: unknown): readonly Facts[] =>
  Array.isArray(value) ? value.map(recordOf) : [];

/** `atMs`: the node's time when it answered. */
export const engineTable = (engines: readonly Facts[], atMs: number): string =>
  printTable({
    header: ['ENGINE', 'TYPE', 'USER', 'CREATOR', 'STATUS', 'JOB', 'ECM', 'MEMORY', 'CPU', 'IDLE'],
    rows: engines.map(engine => {
      const {engineId, engineType, version, user, creator, status, health, taskID, ecm, updatedAt} = engine;
      const metrics = recordOf(engine['metrics']);
      const isIdle = status === 'Unlock' && typeof updatedAt === 'number';
      return [
        text(engineId),
        `${text(engineType)}-${text(version)}`,
        text(user),
        text(creator),
        health === 'UnHealthy' ? `${text(status)}, unhealthy` : text(status),
        typeof taskID === 'number' ? String(taskID) : '-',
        text(ecm),
        bytes(metrics['rssBytes']),
        share(metrics['cpuShare']),
        isIdle ? printDuration(Math.max(0, atMs - updatedAt)) : '-',
      ];
    }),
  });

export const ecmTable = (ecms: readonly Facts[]): string =>
  printTable({
    header: [
      'ECM',
      'HEALTH',
      'TYPES',
      'ENGINES',
      'MEMORY',
      'CORES',
      'HOST MEMORY',
      'HOST CPU',
      'LABELS',
      'NOTE',
    ],
    rows: ecms.map(ecm => {
      const [capacity, used, load] = [
        recordOf(ecm['capacity']),
        recordOf(ecm['used']),
        recordOf(ecm['load']),
      ];
      const {engineTypes, healthReason, description} = ecm;
      const total = load['memoryBytesTotal'];
      const free = load['memoryBytesFree'];
      const notes = [healthReason, description].filter(note => typeof note === 'string' && note !== '');
      return [
        text(ecm['instance']),
        text(ecm['health']),
        Array.isArray(engineTypes) ? engineTypes.map(String).join(',') : '-',
        `${number(used['instances'])}/${number(capacity['instances'])}`,
        `${bytes(used['memoryBytes'])}/${bytes(capacity['memoryBytes'])}`,
        `${number(used['cores'])}/${number(capacity['cores'])}`,
        typeof total === 'number' && typeof free === 'number'
          ? `${bytes(total - free)}/${bytes(total)}`
          : '-',
        share(load['cpuShare']),
        Object.entries(recordOf(ecm['labels']))
          .map(([key, value]) => `${key}=${String(value)}`)
          .join(' ') || '-',
        notes.join('; ') || '-',
      ];
    }),
  });

/** `Engine e1 is ended: SIGTERM, SIGKILL; 3 processes in 0.4 s; 1 GB, 1 core given back.` */
export function printReceipt(engineId: string, receipt: Facts): string {
  const {signals, processesEnded, pids, tookMs, returned} = receipt;
  const {memoryBytes, cores} = recordOf(returned);
  const sent = Array.isArray(signals) && signals.length > 0 ? signals.map(String).join(', ') : 'no signal';
  const count = number(processesEnded);
  const shown = Array.isArray(pids) && pids.length > 0 ? ` (${pids.map(String).join(', ')})` : '';
  const took = typeof tookMs === 'number' ? ` in ${printDuration(tookMs)}` : '';
  return (
    `Engine ${engineId} is ended: ${sent}; ${count} ${count === '1' ? 'process' : 'processes'}${shown}${took};` +
    ` ${bytes(memoryBytes)} and ${number(cores)} ${cores === 1 ? 'core' : 'cores'} given back.\n`
  );
}

const text = (value: unknown): string => (typeof value === 'string' && value !== '' ? value : '-');

const number = (value: unknown): string =>
  typeof value === 'number' ? String(Math.round(value * 10) / 10) : '-';

const share = (value: unknown): string => (typeof value === 'number' ? `${Math.round(value * 100)} %` : '-');

/** `1.5 GB`, by 1024. */
function bytes(value: unknown): string {
  if (typeof value !== 'number') return '-';
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let [amount, unit] = [value, 0];
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${amount >= 10 || unit === 0 ? Math.round(amount) : Math.round(amount * 10) / 10} ${units[unit] ?? ''}`;
}
