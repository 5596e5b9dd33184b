/**
 * How much waits and runs at all entrances, for a question that can't wait for them: answered from what they said last,
 * and asked anew when that is old. What has been silent or gone is left out.
 */
import {entranceKey, type Load} from './entrance-protocol.ts';
import type {Governance} from './governance.ts';
import type {Asker} from './remote-call.ts';
import {remoteEntrance} from './remote-entrance.ts';
import type {Clock} from './runtime/clock.ts';
import type {Receptionist} from './runtime/receptionist.ts';

const freshMs = 2000;

type Dependencies = {
  readonly receptionist: Receptionist;
  readonly instance: string;
  readonly local: Governance | undefined;
  readonly system: Asker;
  readonly clock: Clock;
};

export function createRemoteLoad({
  receptionist,
  instance: own,
  local,
  system,
  clock,
}: Dependencies): Governance['load'] {
  const known = new Map<string, Load>();
  let askedAtMs = -Infinity;

  function askAll(): void {
    askedAtMs = clock.monotonicMs();
    const entrances = receptionist.all(entranceKey);
    for (const instance of known.keys()) if (!entrances.has(instance)) known.delete(instance);
    for (const [instance, ref] of entrances) {
      if (instance === own) continue;
      remoteEntrance(system, instance, ref)
        .load()
        .then(
          load => known.set(instance, load),
          () => known.delete(instance),
        );
    }
  }

  return () => {
    if (clock.monotonicMs() - askedAtMs >= freshMs) askAll();
    const sums = new Map<string, Load[number]>();
    for (const load of [local?.load() ?? [], ...known.values()]) {
      for (const part of load) {
        const {running = 0, queued = 0} = sums.get(part.group) ?? {};
        sums.set(part.group, {...part, running: part.running + running, queued: part.queued + queued});
      }
    }
    return [...sums.values()];
  };
}
