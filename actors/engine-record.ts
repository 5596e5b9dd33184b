/**
 * The history of engines, one row each from its launch to its end, as a port that `persistence/` implements over Linkis'
 * `linkis_cg_ec_resource_info_record`. Linkis calls the engine's id its ticket.
 */
import type {EngineNodeStatus, Resources} from './engine-governance.ts';

/** What is known when an engine is asked for. */
export type EngineLaunchRecord = {
  /** The engine's id. */
  readonly ticketId: string;
  readonly user: string;
  readonly creator: string;
  /** Without version. */
  readonly engineType: string;
  readonly version: string;
  /** As REST calls the engine. */
  readonly instance: string;
  /** `host:port` */
  readonly ecm: string;
  readonly logDirSuffix: string;
  readonly requested: Resources;
  /** Epoch milliseconds, as all times here. */
  readonly createTime: number;
};

export type EngineRecord = Omit<EngineLaunchRecord, 'requested'> & {
  readonly id: number;
  readonly status: EngineNodeStatus;
  readonly requested: Resources | null;
  /** Once it was ready. */
  readonly used: Resources | null;
  readonly usedTime: number | null;
  /** Once its reservation was given back. */
  readonly released: Resources | null;
  readonly releaseTime: number | null;
  /** JSON text, or null. */
  readonly metrics: string | null;
};

/** What has become known; the rest stays. */
export type EngineRecordChange = {
  readonly status?: EngineNodeStatus;
  readonly instance?: string;
  readonly ecm?: string;
  readonly used?: Resources;
  readonly usedTime?: number;
  readonly released?: Resources;
  readonly releaseTime?: number;
  readonly metrics?: string;
};

/** Absent: any. An empty list: none. */
export type EngineRecordFilter = {
  readonly users?: readonly string[];
  readonly engineTypes?: readonly string[];
  readonly statuses?: readonly string[];
  readonly instances?: readonly string[];
  readonly createdFromMs?: number;
  readonly createdToMs?: number;
};

export type EngineRecordPage = {
  /** Newest first. */
  readonly records: readonly EngineRecord[];
  /** Exact up to a limit, then that limit. */
  readonly total: number;
};

/** Ended engines stay ended: a late report changes nothing. All reject with `DatabaseAwayError`. */
export type EngineRecordStore = {
  /** Status `Starting`. A repeated append of the same engine changes nothing. */
  readonly append: (launch: EngineLaunchRecord) => Promise<void>;
  /** False: there is no such engine, or it has ended and the change has a status that is no end. */
  readonly update: (ticketId: string, change: EngineRecordChange) => Promise<boolean>;
  readonly find: (ticketId: string) => Promise<EngineRecord | undefined>;
  /** The newest with this `instance`. */
  readonly findByInstance: (instance: string) => Promise<EngineRecord | undefined>;
  readonly list: (
    filter: EngineRecordFilter,
    page: {readonly number: number; readonly size: number},
  ) => Promise<EngineRecordPage>;
  /** False: there was none. */
  readonly remove: (ticketId: string) => Promise<boolean>;
  /** Removes at most `max` records of engines that have ended and were started before that. Returns their number. */
  readonly removeEnded: (startedBeforeMs: number, max: number) => Promise<number>;
};

/** `alice-IDE,shell-1`, as Linkis' label of engine type and owner prints. */
export const printEngineLabels = ({
  user,
  creator,
  engineType,
  version,
}: Pick<EngineLaunchRecord, 'user' | 'creator' | 'engineType' | 'version'>): string =>
  `${user}-${creator},${engineType}-${version}`;

/** The parts of such a text. The user is known from elsewhere, since names may hold dashes. */
export function parseEngineLabels(
  text: string,
  user: string,
): {readonly creator: string; readonly engineType: string; readonly version: string} {
  const comma = text.indexOf(',');
  const [owner, engine] = comma < 0 ? [text, ''] : [text.slice(0, comma), text.slice(comma + 1)];
  const creator = owner.startsWith(`${user}-`) ? owner.slice(user.length + 1) : owner;
  const dash = engine.indexOf('-');
  return dash < 0
    ? {creator, engineType: engine, version: ''}
    : {creator, engineType: engine.slice(0, dash), version: engine.slice(dash + 1)};
}
