/**
 * Starts engine hosts by forking a process that has everything loaded (`host/fork_server.py`), which takes a tenth of what
 * a fresh interpreter takes. The process is started with the first engine, ends by itself when it has had no engine for a
 * minute, and with this one. It is a shortcut only: whoever gets `undefined` starts the host directly.
 */
import {spawn, type ChildProcess} from 'node:child_process';
import {Socket} from 'node:net';
import {createInterface} from 'node:readline';
import type {Clock} from '../actors/runtime/clock.ts';
import {engineRecordOf, type EngineRecord} from './engine-directory.ts';
import type {EngineLog} from './engine-log.ts';
import {markVariable} from './process-sweep.ts';

/** 32 hex digits: what its environment holds before the mark of an engine is put there. */
const blankMark = '-'.repeat(32);
const headerBytes = 12;
/** Then it is ended, and the engine started directly. Nearly all of it is for a machine that has no time. */
const forkMs = 5000;
const failuresMax = 3;
const errorTextMax = 2000;
/** Its exit code where the kernel does not show where an environment lies. */
const cannotMark = 4;

export type ForkedHost = {
  /** Whether it could make the directory of its engine; one that could not ends. */
  readonly isMade: boolean;
  /** Resolves when the host's socket listens. */
  readonly listens: Promise<EngineRecord | undefined>;
  /** Never resolves if the server ends before. */
  readonly exit: Promise<ProcessExit>;
};

export type ProcessExit = {readonly code: number | null; readonly signal: string | null};

/** What the server itself has to know. */
export type HostAbout = {
  readonly engineId: string;
  /** As long as `blankMark`. */
  readonly mark: string;
};

export type ForkServer = {
  /**
   * `configuration` is what a host gets on standard input, with `place`, `files` and `hostEnvironment`. Undefined: the server is
   * of no use, and will not start this host later, but may have started it: look for its mark before another try.
   */
  readonly start: (
    about: HostAbout,
    configuration: Readonly<Record<string, unknown>>,
  ) => Promise<ForkedHost | undefined>;
};

export function createForkServer(options: {
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: EngineLog;
}): ForkServer {
  const {clock, log} = options;
  let process: ServerProcess | undefined;
  let failures = 0;
  return {
    async start(about, configuration) {
      if (failures >= failuresMax) return undefined;
      if (process?.isOver !== false) process = new ServerProcess(options);
      const server = process;
      const forked = await server.fork(about, configuration, clock);
      if (forked !== undefined) {
        failures = 0;
      } else if (server.failure !== '') {
        failures = server.failure.startsWith(`code ${cannotMark}`) ? failuresMax : failures + 1;
        log.warn({why: server.failure}, 'the process that forks engines failed; this one starts without it');
      }
      return forked;
    },
  };
}

type Launch = {
  /** Undefined: there may be no host, and nobody will say. */
  readonly made: (is: boolean | undefined) => void;
  readonly listens: (record: EngineRecord | undefined) => void;
  readonly exit: (how: ProcessExit) => void;
};

/** One life of the server process. */
class ServerProcess {
  isOver = false;
  /** Why it ended, if it should not have. */
  failure = '';
  readonly #child: ChildProcess;
  readonly #launches = new Map<number, Launch>();
  #count = 0;
  #waiting = 0;
  #errorText = '';

  constructor({
    command: [program, ...args],
    environment,
  }: {
    readonly command: readonly [string, ...string[]];
    readonly environment: Readonly<Record<string, string>>;
  }) {
    this.#child = spawn(program, args, {
      cwd: '/',
      detached: true,
      env: {...environment, [markVariable]: blankMark},
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const {stdin, stdout, stderr} = this.#child;
    this.#child.once('error', error => this.#over(error.message));
    this.#child.once('exit', (code, signal) => this.#over(signal ?? `code ${code}`));
    stdin?.on('error', () => undefined);
    stderr?.on('data', (chunk: Buffer) => {
      this.#errorText = `${this.#errorText}${chunk.toString()}`.slice(-errorTextMax);
    });
    if (stdout !== null) createInterface({input: stdout}).on('line', line => this.#reported(line));
    this.#keepAlive(0);
  }

  async fork(about: HostAbout, configuration: object, clock: Clock): Promise<ForkedHost | undefined> {
    const number = ++this.#count;
    const made = Promise.withResolvers<boolean | undefined>();
    const listens = Promise.withResolvers<EngineRecord | undefined>();
    const exit = Promise.withResolvers<ProcessExit>();
    this.#launches.set(number, {
      made: made.resolve,
      listens: listens.resolve,
      exit: exit.resolve,
    });
    const ours = Buffer.from(JSON.stringify(about));
    const theirs = Buffer.from(JSON.stringify(configuration));
    const header = Buffer.alloc(headerBytes);
    [number, ours.length, theirs.length].forEach((value, index) => header.writeUInt32BE(value, index * 4));
    this.#keepAlive(1);
    const cancel = clock.after(forkMs, () => this.#end(`nothing came of a fork in ${forkMs} ms`));
    this.#child.stdin?.write(Buffer.concat([header, ours, theirs]));
    const isMade = await made.promise;
    cancel();
    this.#keepAlive(-1);
    return isMade === undefined ? undefined : {isMade, listens: listens.promise, exit: exit.promise};
  }

  #reported(line: string): void {
    const {launch: number, made, record, code, signal} = parsed(line);
    const launch = typeof number === 'number' ? this.#launches.get(number) : undefined;
    if (launch === undefined) return;
    if (typeof made === 'boolean') launch.made(made);
    if (record !== undefined) launch.listens(engineRecordOf(record));
    if (code === undefined && signal === undefined) return;
    // One that dies so soon has made nothing that it had not said.
    launch.made(false);
    if (typeof code === 'number') launch.exit({code, signal: null});
    else if (typeof signal === 'string') launch.exit({code: null, signal});
    this.#launches.delete(Number(number));
  }

  /** Killed, not asked: what it has not read yet it must never start. */
  #end(why: string): void {
    this.failure = why;
    this.#child.kill('SIGKILL');
  }

  #over(how: string): void {
    this.isOver = true;
    // With nothing to do it may leave, even while a request is on its way.
    if (this.failure === '' && how !== 'code 0') this.failure = `${how} ${this.#errorText}`.trim();
    for (const {made} of this.#launches.values()) made(undefined);
  }

  /** Our own end must not wait for it, but while it starts an engine there is something to wait for. */
  #keepAlive(change: -1 | 0 | 1): void {
    this.#waiting += change;
    const {stdin, stdout, stderr} = this.#child;
    for (const each of [this.#child, stdin, stdout, stderr]) {
      if (each === null || !(each === this.#child || each instanceof Socket)) continue;
      if (this.#waiting > 0) each.ref();
      else each.unref();
    }
  }
}

function parsed(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? {...value} : {};
  } catch {
    return {};
  }
}
