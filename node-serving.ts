/** A governance that is on its way up, and how several things are opened at once. */
import type {ClusterView} from './actors/cluster-view.ts';
import type {Governance} from './actors/governance.ts';

/** Calls wait for it, and fail as it fails. */
export function whenServing(serving: Promise<Governance>): Governance {
  let node: Governance | undefined;
  serving.then(
    started => {
      node = started;
    },
    () => undefined,
  );
  const later = async <T>(call: (governance: Governance) => Promise<T>): Promise<T> =>
    call(node ?? (await serving));
  return {
    submit: (body, caller, options) => later(governance => governance.submit(body, caller, options)),
    find: taskID => later(governance => governance.find(taskID)),
    stored: taskID => later(governance => governance.stored(taskID)),
    kill: (taskID, caller) => later(governance => governance.kill(taskID, caller)),
    why: taskID => later(governance => governance.why(taskID)),
    setPriority: (...wanted) => later(governance => governance.setPriority(...wanted)),
    logPosition: taskID => later(governance => governance.logPosition(taskID)),
    readLog: (...range) => later(governance => governance.readLog(...range)),
    follow: (...wanted) => later(governance => governance.follow(...wanted)),
    load: () => node?.load() ?? [],
    readiness: () => node?.readiness() ?? {isReady: false, why: 'starting'},
  };
}

/** No nodes until the members are known; calls for one wait. */
export function whenJoined(joined: Promise<ClusterView>): ClusterView {
  let view: ClusterView | undefined;
  joined.then(
    known => {
      view = known;
    },
    () => undefined,
  );
  return {
    nodes: () => view?.nodes() ?? [],
    drain: async (instance, by) => (view ?? (await joined)).drain(instance, by),
  };
}

/** All results, or the first failure once everything has settled and `closeFirst` has closed what the first one opened. */
export async function allOrNone<First, Rest extends readonly unknown[]>(
  [first, ...rest]: readonly [Promise<First>, ...{readonly [Index in keyof Rest]: Promise<Rest[Index]>}],
  closeFirst: (opened: First) => Promise<void> | undefined,
): Promise<readonly [First, ...Rest]> {
  try {
    return await Promise.all([first, ...rest]);
  } catch (error) {
    await Promise.allSettled([first, ...rest]);
    await first.then(closeFirst, () => undefined);
    throw error;
  }
}
