/** What an engine uses, from the processes of its family at two moments. Pure. */
import type {EngineMetrics} from '../actors/engine-governance.ts';
import {msOfTicks, type ProcessRow} from './process-table.ts';

/** As the operating system says it: sums over the processes that are there. */
export type FamilySample = {
  readonly atMs: number;
  readonly residentPages: number;
  readonly cpuMs: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly processes: number;
};

/** Of one engine since it was first looked at. */
export type Usage = {
  readonly sample: FamilySample;
  readonly cpuMs: number;
  readonly cpuShare: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
};

/** What was used between two looks. */
export type Growth = Pick<Usage, 'cpuMs' | 'readBytes' | 'writtenBytes'>;

export function sampleOf(
  family: readonly ProcessRow[],
  ioOf: (pid: number) => {readonly readBytes: number; readonly writtenBytes: number},
  atMs: number,
): FamilySample {
  const sums = {residentPages: 0, cpuTicks: 0, readBytes: 0, writtenBytes: 0, processes: 0};
  for (const {pid, isDead, residentPages, cpuTicks} of family) {
    sums.cpuTicks += cpuTicks;
    if (isDead) continue;
    const {readBytes, writtenBytes} = ioOf(pid);
    sums.processes += 1;
    sums.residentPages += residentPages;
    sums.readBytes += readBytes;
    sums.writtenBytes += writtenBytes;
  }
  const {cpuTicks, ...rest} = sums;
  return {atMs, cpuMs: msOfTicks(cpuTicks), ...rest};
}

/** Totals never fall: what a process had used that nobody waited for is gone from the sums, and stays in the totals. */
export function measured(before: Usage | undefined, sample: FamilySample): {usage: Usage; growth: Growth} {
  if (before === undefined) {
    const {cpuMs, readBytes, writtenBytes} = sample;
    return {
      usage: {sample, cpuMs, cpuShare: 0, readBytes, writtenBytes},
      growth: {cpuMs, readBytes, writtenBytes},
    };
  }
  const grown = (name: keyof Growth): number => Math.max(0, sample[name] - before.sample[name]);
  const growth = {
    cpuMs: grown('cpuMs'),
    readBytes: grown('readBytes'),
    writtenBytes: grown('writtenBytes'),
  };
  const passedMs = sample.atMs - before.sample.atMs;
  return {
    growth,
    usage: {
      sample,
      cpuMs: before.cpuMs + growth.cpuMs,
      cpuShare: passedMs > 0 ? growth.cpuMs / passedMs : before.cpuShare,
      readBytes: before.readBytes + growth.readBytes,
      writtenBytes: before.writtenBytes + growth.writtenBytes,
    },
  };
}

export const metricsOf = (
  {sample, cpuMs, cpuShare, readBytes, writtenBytes}: Usage,
  more: {readonly pageBytes: number; readonly diskBytes: number; readonly at: number},
): EngineMetrics => ({
  rssBytes: sample.residentPages * more.pageBytes,
  cpuMs,
  cpuShare,
  readBytes,
  writtenBytes,
  processes: sample.processes,
  diskBytes: more.diskBytes,
  at: more.at,
});
