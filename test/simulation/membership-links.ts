/**
 * The links of a simulated cluster, reduced to what they tell the membership: every half second each process learns what
 * became of its link to each member it knows. A process that is gone refuses; one that is paused, or behind a cut, is silent.
 */
import type {LinkEvent} from '../../actors/membership-member.ts';
import type {SimulatedProcess} from './membership-process.ts';

export type SimulatedLinks = {
  /** One direction. */
  readonly cut: (from: string, to: string) => void;
  /** Dials of this instance are refused although its process lives, as by a firewall that rejects. */
  readonly rejected: Set<string>;
  /** Machines that are off: nothing refuses there. By boot id. */
  readonly off: Set<string>;
  readonly heal: () => void;
  /** To be called every `linkTickMs`. */
  readonly tick: (processes: readonly SimulatedProcess[]) => void;
};

export const linkTickMs = 500;
const suspectAfterTicks = 4;

export function createLinks(): SimulatedLinks {
  const cuts = new Set<string>();
  const rejected = new Set<string>();
  const off = new Set<string>();
  /** By observer and observed: ticks of silence, and what was told last. */
  const edges = new Map<string, {silentTicks: number; told: LinkEvent['type']}>();
  const isCut = (from: string, to: string): boolean => cuts.has(`${from}>${to}`);

  function next(
    observer: SimulatedProcess,
    target: SimulatedProcess,
    silentTicks: number,
  ): {silentTicks: number; type: LinkEvent['type']} {
    const {instance} = target;
    const isPathCut = isCut(instance, observer.instance) || isCut(observer.instance, instance);
    if (rejected.has(instance) && !isPathCut) return {silentTicks: 0, type: 'refused'};
    if (target.mode === 'ended' && !off.has(target.bootId) && !isPathCut)
      return {silentTicks: 0, type: 'refused'};
    const isSilent = target.mode !== 'running' || isPathCut;
    if (!isSilent) return {silentTicks: 0, type: 'up'};
    const ticks = silentTicks + 1;
    return {
      silentTicks: ticks,
      type: ticks < suspectAfterTicks ? 'up' : ticks === suspectAfterTicks ? 'suspect' : 'down',
    };
  }

  return {
    cut: (from, to) => void cuts.add(`${from}>${to}`),
    rejected,
    off,
    heal() {
      cuts.clear();
      rejected.clear();
    },
    tick(processes) {
      const running = new Map(processes.map(process => [process.incarnation, process]));
      for (const observer of processes) {
        if (observer.mode !== 'running' || observer.membership === undefined) continue;
        for (const member of observer.membership.members()) {
          const target = running.get(member.incarnation);
          if (member.isSelf || target === undefined) continue;
          const key = `${observer.incarnation}>${member.incarnation}`;
          const edge = edges.get(key) ?? {silentTicks: 0, told: 'down'};
          const {silentTicks, type} = next(observer, target, edge.silentTicks);
          edges.set(key, {silentTicks, told: type});
          // Every redial that is refused says so; everything else is told when it changes.
          if (type !== edge.told || type === 'refused') {
            observer.linkEvent({type, instance: member.instance, incarnation: member.incarnation});
          }
          // Whoever is dialled by somebody unknown learns of him so.
          if (type === 'up' && edge.told !== 'up' && target.mode === 'running') {
            target.linkEvent({type, instance: observer.instance, incarnation: observer.incarnation});
          }
        }
      }
    },
  };
}
