/** `launch.json` in an engine's directory: what it was started with, as far as the engine itself has no use for it. */
import {join} from 'node:path';
import type {EngineOrigin} from '../actors/ecm-port.ts';
import type {Resources} from '../actors/engine-governance.ts';
import type {EngineLaunch} from '../actors/ports.ts';
import {readEngineFile} from './engine-file.ts';

const fileBytesMax = 16 * 1024;
export const originFile = 'launch.json';

export const originOf = (
  {tenant, version, reserved, fence}: EngineLaunch,
  startedAt: number,
): EngineOrigin => ({
  startedAt,
  ...(tenant === undefined ? {} : {tenant}),
  ...(version === undefined ? {} : {version}),
  ...(reserved === undefined ? {} : {reserved}),
  ...(fence === undefined ? {} : {fence}),
});

export const originText = (origin: EngineOrigin): string => `${JSON.stringify(origin)}\n`;

/** Undefined for an engine that was started without it, or whose file says nothing. */
export async function readOrigin(directory: string): Promise<EngineOrigin | undefined> {
  let value: unknown;
  try {
    const text = await readEngineFile(directory, join(directory, originFile), fileBytesMax);
    value = JSON.parse(text.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const {startedAt, tenant, version, reserved, fence}: Record<string, unknown> = {...value};
  return {
    ...(isCount(startedAt) ? {startedAt} : {}),
    ...(typeof tenant === 'string' ? {tenant} : {}),
    ...(typeof version === 'string' ? {version} : {}),
    ...(isResources(reserved) ? {reserved} : {}),
    ...(isCount(fence) ? {fence} : {}),
  };
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;

function isResources(value: unknown): value is Resources {
  if (typeof value !== 'object' || value === null) return false;
  const {memoryBytes, cores, instances}: Record<string, unknown> = {...value};
  return isCount(memoryBytes) && isCount(cores) && isCount(instances);
}
