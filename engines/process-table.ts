/**
 * The processes of this host as /proc shows them, and which of them belong to which engine. Pure; `process-scan.ts` reads.
 *
 * An engine's host is a child subreaper, so whatever a job starts stays below it in the tree. The mark in the environment
 * finds what is left when the host itself was killed, and engines of programs that are no subreaper.
 */

/** Of `/proc/PID/stat`; `isDead`: its parent has not waited for it yet. */
export type ProcessRow = {
  readonly pid: number;
  readonly parent: number;
  readonly isDead: boolean;
  /** Clock ticks after boot. */
  readonly startTime: number;
  /** Of itself, and of children that have ended and were waited for. */
  readonly cpuTicks: number;
  /** Page faults, counted alike: even what ends within a tick has some. */
  readonly faults: number;
  readonly residentPages: number;
};

/** The process that an engine is, whatever it started. */
export type EngineRoot = {readonly engineId: string; readonly pid: number; readonly startTime: number};

/** Ticks of processor time in a second, as every Linux shows them to programs. */
const ticksPerSecond = 100;

export const msOfTicks = (ticks: number): number => (ticks * 1000) / ticksPerSecond;

/** Undefined for what is not such a line. */
export function parseStat(line: string): ProcessRow | undefined {
  // The name in parentheses may hold anything, so fields are counted from its end.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state = ''] = fields;
  const at = (index: number): number => Number(fields[index]);
  const row = {
    pid: Number.parseInt(line, 10),
    parent: at(1),
    isDead: state === 'Z' || state === 'X',
    startTime: at(19),
    cpuTicks: at(11) + at(12) + at(13) + at(14),
    faults: at(7) + at(8) + at(9) + at(10),
    residentPages: at(21),
  };
  return Object.values(row).some(Number.isNaN) ? undefined : row;
}

/** Of `/proc/PID/io`: bytes that went from and to storage; those of children that have ended are in it. */
export function parseIo(text: string): {readonly readBytes: number; readonly writtenBytes: number} {
  const figure = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  return {readBytes: figure('read_bytes'), writtenBytes: figure('write_bytes')};
}

/** The value of a variable in `/proc/PID/environ`; undefined if it is not in there. */
export function variableOf(environment: string, name: string): string | undefined {
  const start = `${name}=`;
  return environment
    .split('\0')
    .find(entry => entry.startsWith(start))
    ?.slice(start.length);
}

/**
 * The processes of each engine, its host included, dead ones too. `markedAs` is asked about processes that the tree leads to
 * no engine: whose engine they are by what is known of them otherwise.
 */
export function familiesOf(
  rows: readonly ProcessRow[],
  roots: readonly EngineRoot[],
  markedAs: (row: ProcessRow) => string | undefined,
): ReadonlyMap<string, readonly ProcessRow[]> {
  const byPid = new Map(rows.map(row => [row.pid, row]));
  const engines = new Map<number, string | undefined>();
  for (const {pid, startTime, engineId} of roots) {
    if (byPid.get(pid)?.startTime === startTime) engines.set(pid, engineId);
  }
  const families = new Map<string, ProcessRow[]>(roots.map(({engineId}) => [engineId, []]));
  for (const row of rows) {
    const engineId = engineOf(row, byPid, engines, markedAs);
    if (engineId !== undefined) families.get(engineId)?.push(row);
  }
  return families;
}

/** Notes the answer for all it passes on the way up, so that each process is looked at once. */
function engineOf(
  row: ProcessRow,
  byPid: ReadonlyMap<number, ProcessRow>,
  engines: Map<number, string | undefined>,
  markedAs: (row: ProcessRow) => string | undefined,
): string | undefined {
  const path: ProcessRow[] = [];
  let next: ProcessRow | undefined = row;
  let engineId: string | undefined;
  while (next !== undefined && engineId === undefined) {
    if (engines.has(next.pid)) {
      engineId = engines.get(next.pid);
      break;
    }
    path.push(next);
    // Pids that changed hands while they were read may lead in a circle.
    engines.set(next.pid, undefined);
    next = byPid.get(next.parent);
  }
  for (const passed of path.toReversed()) {
    engineId ??= markedAs(passed);
    engines.set(passed.pid, engineId);
  }
  return engineId;
}
