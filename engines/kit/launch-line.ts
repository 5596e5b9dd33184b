/** What an engine is told at its launch: one line of JSON on standard input (docs/engine-protocol.md, 2). */
import {readSync} from 'node:fs';
import type {EngineLimits} from '../../actors/ports.ts';
import {EngineProtocolError} from '../engine-errors.ts';

export type LaunchLine = {
  readonly engineId: string;
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  /** Never shown to anybody. */
  readonly secret: Uint8Array;
  readonly socketPath: string;
  readonly limits: EngineLimits;
  readonly orphanIdleMs: number;
  readonly orphanBusyMs: number;
  readonly windowBytes: number;
  readonly unattendedBytesMax: number;
  readonly lineBytesMax: number;
  readonly killGraceMs: number;
  /** What processes that a job starts should see. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the node's configuration says to engines of this type; may hold passwords. Empty if it says nothing. */
  readonly properties: Readonly<Record<string, string>>;
};

const lineBytesMax = 1024 * 1024;
const pauseMs = 2;

/** Reads descriptor 0 up to the line's end, and no further: whoever launched us need not close the pipe. */
export function readStandardInputLine(): string {
  const byte = Buffer.alloc(65_536);
  const parts: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const count = readSome(byte);
    const part = Buffer.from(byte.subarray(0, count));
    const end = part.indexOf(0x0a);
    parts.push(end < 0 ? part : part.subarray(0, end));
    bytes += part.length;
    if (end >= 0 || count === 0) return Buffer.concat(parts).toString('utf8');
    if (bytes > lineBytesMax) throw new EngineProtocolError(`the launch line is longer than ${lineBytesMax}`);
  }
}

function readSome(buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(0, buffer);
    } catch (error) {
      // Node's pipes do not block; nothing else can happen before the line is here.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
    }
  }
}

/** Throws `EngineProtocolError` that names the field that is missing, never a value. */
export function parseLaunchLine(line: string): LaunchLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new EngineProtocolError('the launch line is not JSON; an engine is launched by a node');
  }
  if (typeof value !== 'object' || value === null)
    throw new EngineProtocolError('the launch line is no object');
  const given: Readonly<Record<string, unknown>> = {...value};
  const text = (name: string): string => {
    const found = given[name];
    if (typeof found !== 'string') throw new EngineProtocolError(`the launch line lacks the text ${name}`);
    return found;
  };
  return {
    engineId: text('engineId'),
    engineType: text('engineType'),
    user: text('user'),
    creator: text('creator'),
    secret: Buffer.from(text('secret'), 'hex'),
    socketPath: text('socketPath'),
    limits: limitsOf(given['limits']),
    orphanIdleMs: numberIn(given, 'orphanIdleMs'),
    orphanBusyMs: numberIn(given, 'orphanBusyMs'),
    windowBytes: numberIn(given, 'windowBytes'),
    unattendedBytesMax: numberIn(given, 'unattendedBytesMax'),
    lineBytesMax: numberIn(given, 'lineBytesMax'),
    killGraceMs: numberIn(given, 'killGraceMs'),
    environment: texts(given['environment']),
    properties: texts(given['properties']),
  };
}

function numberIn(given: Readonly<Record<string, unknown>>, name: string): number {
  const found = given[name];
  if (typeof found !== 'number' || !(found >= 0))
    throw new EngineProtocolError(`the launch line lacks the number ${name}`);
  return found;
}

function limitsOf(value: unknown): EngineLimits {
  const given: Readonly<Record<string, unknown>> =
    typeof value === 'object' && value !== null ? {...value} : {};
  return {
    memoryBytesMax: numberIn(given, 'memoryBytesMax'),
    processesMax: numberIn(given, 'processesMax'),
    diskBytesMax: numberIn(given, 'diskBytesMax'),
    openFilesMax: numberIn(given, 'openFilesMax'),
  };
}

function texts(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
