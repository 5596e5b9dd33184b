/**
 * Whether a host is fit to start engines: from what is measured, and what an administrator has set. Pure.
 *
 *   Healthy ◀──▶ WARN ◀──▶ StockAvailable ◀──▶ StockUnavailable        by free memory and disk, and busy processors
 *   └── start engines ──┘  └── engines that are there go on ──┘
 *
 * It gets worse at once and better only when there is a fifth more than the line asks for, so that it does not flutter. What is
 * set counts until `Healthy` is set: the worse of both holds.
 */
import type {HostSample} from './ecm-port.ts';
import type {NodeHealth, Resources} from './engine-governance.ts';

export type HealthLimits = {
  /** 0: a share of the host's. */
  readonly protectedMemoryBytes: number;
  readonly diskFreeBytesMin: number;
  /** 0 … 1 */
  readonly cpuProtectedShare: number;
  readonly refusesWhenBusy: boolean;
};

/** From `NodeHealth`, the best first. */
const grades = ['Healthy', 'WARN', 'StockAvailable', 'StockUnavailable', 'UnHealthy'] as const;
type Grade = 0 | 1 | 2 | 3;

export type EcmHealth = {
  readonly health: NodeHealth;
  /** Empty when `Healthy`. */
  readonly reason: string;
  readonly set?: {readonly health: NodeHealth; readonly description: string};
  readonly measured: Measured;
  readonly load?: HostSample;
};

type Measured = {
  readonly memory: Grade;
  readonly disk: Grade;
  readonly isBusy: boolean;
  /** Since when processors are at their limit, monotonic; absent while they are not. */
  readonly busySinceMs?: number;
  readonly reasons: readonly string[];
};

const busyMs = 10_000;
const calmShare = 0.1;
/** Beyond a line, before what lies behind it is believed to have passed. */
const recovery = 1.2;
const protectedMemoryShare = 0.05;
const offeredMemoryShare = 0.9;

const nothingMeasured: Measured = {memory: 0, disk: 0, isBusy: false, reasons: []};
export const newHealth: EcmHealth = {health: 'Healthy', reason: '', measured: nothingMeasured};

export const mayStartEngines = ({health}: Pick<EcmHealth, 'health'>): boolean =>
  health === 'Healthy' || health === 'WARN';

/** `atMs`: monotonic. */
export function withLoad(state: EcmHealth, load: HostSample, atMs: number, limits: HealthLimits): EcmHealth {
  const {measured} = state;
  const memoryLine = protectedMemory(limits, load);
  const {busySinceMs, isBusy} = busyness(measured, load.cpuShare, atMs, limits.cpuProtectedShare);
  const memory = gradeOf(load.memoryBytesFree, memoryLine, measured.memory);
  const disk = gradeOf(load.diskBytesFree, limits.diskFreeBytesMin, measured.disk);
  const reasons = [
    ...reasonOf(memory, 'memory', load.memoryBytesFree, memoryLine),
    ...reasonOf(disk, 'room on disk', load.diskBytesFree, limits.diskFreeBytesMin),
    ...(isBusy ? [`the processors were ${percent(load.cpuShare)} busy for at least ${busyMs / 1000} s`] : []),
  ];
  const next = {memory, disk, isBusy, reasons, ...(busySinceMs === undefined ? {} : {busySinceMs})};
  return judged({...state, load, measured: next}, limits);
}

/** `Healthy` takes back what was set before. */
export function withHealthSet(
  state: EcmHealth,
  health: NodeHealth,
  description: string,
  limits: HealthLimits,
): EcmHealth {
  const {set: _, ...rest} = state;
  return judged(health === 'Healthy' ? rest : {...rest, set: {health, description}}, limits);
}

/** What engines may have reserved together. Without a look at the host memory is not limited, unless it is configured. */
export function capacityOf(
  {
    memoryBytesMax,
    coresMax,
    enginesMax,
  }: {readonly memoryBytesMax: number; readonly coresMax: number; readonly enginesMax: number},
  load: HostSample | undefined,
): Resources {
  const ofHost = load === undefined ? Number.MAX_SAFE_INTEGER : load.memoryBytesTotal * offeredMemoryShare;
  return {
    memoryBytes: memoryBytesMax > 0 ? memoryBytesMax : Math.floor(ofHost),
    cores: coresMax,
    instances: enginesMax,
  };
}

function judged(state: EcmHealth, {refusesWhenBusy}: HealthLimits): EcmHealth {
  const {set, measured} = state;
  const busy = measured.isBusy ? (refusesWhenBusy ? 2 : 1) : 0;
  const bySelf = Math.max(measured.memory, measured.disk, busy);
  const bySetting = set === undefined ? 0 : grades.indexOf(set.health);
  const said = set === undefined ? [] : [settingOf(set)];
  return {
    ...state,
    health: grades[Math.max(bySelf, bySetting)] ?? 'UnHealthy',
    reason: [...said, ...measured.reasons].join('; '),
  };
}

const settingOf = ({health, description}: NonNullable<EcmHealth['set']>): string =>
  `an administrator set it to ${health}${description === '' ? '' : `: ${description}`}`;

/** The worse by what is there, or as bad as before until there is clearly more. */
function gradeOf(free: number, line: number, before: Grade): Grade {
  const now = plainGrade(free, line);
  const eased = plainGrade(free / recovery, line);
  return now >= before ? now : eased < before ? eased : before;
}

const plainGrade = (free: number, line: number): Grade =>
  free >= 2 * line ? 0 : free >= line ? 1 : free >= line / 4 ? 2 : 3;

const reasonOf = (grade: Grade, what: string, free: number, line: number): readonly string[] =>
  grade === 0 ? [] : [`${mebibytes(free)} of ${what} are free, where ${mebibytes(line)} are to be kept`];

function busyness(
  {isBusy, busySinceMs}: Measured,
  share: number,
  atMs: number,
  line: number,
): {readonly isBusy: boolean; readonly busySinceMs: number | undefined} {
  if (isBusy) return {isBusy: share >= line - calmShare, busySinceMs};
  if (share < line) return {isBusy: false, busySinceMs: undefined};
  const sinceMs = busySinceMs ?? atMs;
  return {isBusy: atMs - sinceMs >= busyMs, busySinceMs: sinceMs};
}

const protectedMemory = ({protectedMemoryBytes}: HealthLimits, {memoryBytesTotal}: HostSample): number =>
  protectedMemoryBytes > 0 ? protectedMemoryBytes : memoryBytesTotal * protectedMemoryShare;

const mebibytes = (bytes: number): string => `${(bytes / 1048576).toFixed(0)} MiB`;
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
