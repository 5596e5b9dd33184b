/** Ending engines from outside: who may, what was done, and a note of it. */
import type {EngineGovernance, EngineView, KillReceipt} from '../actors/engine-governance.ts';
import type {Caller} from '../actors/governance.ts';
import type {Audit} from './audit.ts';
import {inBatches} from './in-batches.ts';
import type {EngineAccess, FoundEngine} from './engine-access.ts';
import {engineService} from './engine-view.ts';
import {printServiceInstance} from './resource-view.ts';
import {ManagerError} from './manager-errors.ts';

export type EndedEngine = {readonly engine: EngineView; readonly receipt: KillReceipt};

export type EngineKills = {
  /**
   * Ends one engine. Undefined: it has ended before. Rejects with `EngineRefusal` when there is none that the caller may end,
   * and with `ManagerError` when its host can't be reached.
   */
  readonly end: (name: string, caller: Caller) => Promise<EndedEngine | undefined>;
  /** The same for several; nothing is ended before all of it is known to be allowed. */
  readonly endAll: (names: readonly string[], caller: Caller) => Promise<readonly EndedEngine[]>;
  /** Those of `engines` that have no work at that moment. */
  readonly endIdle: (engines: readonly EngineView[], caller: Caller) => Promise<readonly EndedEngine[]>;
};

/** Linkis words it without a number. */
export class EngineRefusal extends Error {
  override readonly name = 'EngineRefusal';

  constructor(instance: string) {
    super(`You have no permission to kill EngineConn ${printServiceInstance(engineService, instance)}`);
  }
}

type Dependencies = {
  readonly engines: EngineGovernance;
  readonly access: EngineAccess;
  readonly audit: Audit;
};

/** Each takes as long as its processes take to end, so they go side by side. */
const atOnceMax = 20;

export function createEngineKills({engines, access, audit}: Dependencies): EngineKills {
  /** For an administrator a name that nobody knows is an engine that ended long ago. */
  function check(name: string, found: FoundEngine, caller: Caller): void {
    if (found.type !== 'none' || caller.isAdmin) return;
    audit.note('engineRefused', caller, {target: `engine:${name.slice(0, 200)}`, outcome: 'refused'});
    throw new EngineRefusal(name);
  }

  async function endLive(
    engine: EngineView,
    caller: Caller,
    onlyIdle: boolean,
  ): Promise<EndedEngine | undefined> {
    const {engineId, instance, user, status, taskID} = engine;
    const what = {
      target: `engine:${engineId}`,
      instance,
      owner: user,
      before: {status, ...(taskID !== null && {taskID})},
    };
    const receipt = await audit.change(
      'engineKilled',
      caller,
      what,
      () => engines.endEngine(engineId, caller, onlyIdle ? {onlyIdle} : {}),
      done => (done === undefined ? {outcome: 'refused', after: null} : {after: done}),
    );
    return receipt && {engine, receipt};
  }

  async function endFound(found: FoundEngine, caller: Caller): Promise<EndedEngine | undefined> {
    if (found.type === 'live') return endLive(found.engine, caller, false);
    if (found.type === 'none') return undefined;
    const {status, ticketId, ecm} = found.record;
    if (status === 'Success' || status === 'Failed') return undefined;
    throw new ManagerError(
      `Engine ${ticketId} can't be reached: its host ${ecm} does not show it now. Try again later.`,
    );
  }

  return {
    async end(name, caller) {
      const found = await access.find(caller, name);
      check(name, found, caller);
      return endFound(found, caller);
    },
    async endAll(names, caller) {
      const wanted = [...new Set(names)];
      const found = await access.findAll(caller, wanted);
      for (const [n, one] of found.entries()) check(wanted[n] ?? '', one, caller);
      return present(await inBatches(found, atOnceMax, one => endFound(one, caller)));
    },
    endIdle: async (idle, caller) =>
      present(
        await inBatches(
          idle.filter(({status}) => status === 'Unlock'),
          atOnceMax,
          engine => endLive(engine, caller, true),
        ),
      ),
  };
}

const present = (ended: readonly (EndedEngine | undefined)[]): readonly EndedEngine[] =>
  ended.filter(one => one !== undefined);
