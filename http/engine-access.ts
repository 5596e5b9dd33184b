/**
 * From the names that clients have for an engine (its instance, its id, its ticket, its log directory) to an engine that the
 * caller may see or end. An engine belongs to who it runs for; an administrator has a right to all, and that is audited. An
 * engine that has ended is known from its record.
 */
import type {EngineGovernance, EngineView} from '../actors/engine-governance.ts';
import type {EngineRecord, EngineRecordStore} from '../actors/engine-record.ts';
import type {Caller} from '../actors/governance.ts';
import {inBatches} from './in-batches.ts';

export type FoundEngine =
  | {readonly type: 'live'; readonly engine: EngineView}
  /** Not there now: it has ended, or its host can't be reached. */
  | {readonly type: 'recorded'; readonly record: EngineRecord}
  /** There is none, or it is not the caller's. */
  | {readonly type: 'none'};

export type EngineAccess = {
  /** The first of `names` that is not blank decides: what is checked is what is used. */
  readonly find: (caller: Caller, ...names: readonly (string | null | undefined)[]) => Promise<FoundEngine>;
  /** One answer for each name; the live engines are asked for once. */
  readonly findAll: (caller: Caller, names: readonly string[]) => Promise<readonly FoundEngine[]>;
  /** Live engines of the caller. */
  readonly own: (caller: Caller) => Promise<readonly EngineView[]>;
};

/** Longer names belong to nothing; the limit keeps them out of queries and logs. */
export const engineNameCharsMax = 256;

/** Names that belong to no live engine are looked up in the history. */
const lookUpsAtOnceMax = 20;

export function createEngineAccess(
  engines: EngineGovernance,
  records: EngineRecordStore | undefined,
): EngineAccess {
  const isTheirs = (user: string, caller: Caller): boolean => caller.isAdmin || user === caller.user;

  async function findAmong(
    live: readonly EngineView[],
    wanted: string,
    caller: Caller,
  ): Promise<FoundEngine> {
    if (wanted === '' || wanted.length > engineNameCharsMax) return {type: 'none'};
    const engine = live.find(({engineId, instance}) => engineId === wanted || instance === wanted);
    if (engine !== undefined) return isTheirs(engine.user, caller) ? {type: 'live', engine} : {type: 'none'};
    const record = (await records?.find(wanted)) ?? (await records?.findByInstance(wanted));
    return record !== undefined && isTheirs(record.user, caller)
      ? {type: 'recorded', record}
      : {type: 'none'};
  }

  return {
    async find(caller, ...names) {
      const wanted = names.map(name => name?.trim() ?? '').find(name => name !== '') ?? '';
      return findAmong(await engines.engines(), wanted, caller);
    },
    async findAll(caller, names) {
      const live = await engines.engines();
      return inBatches(names, lookUpsAtOnceMax, name => findAmong(live, name.trim(), caller));
    },
    own: async ({user}) => (await engines.engines()).filter(engine => engine.user === user),
  };
}
