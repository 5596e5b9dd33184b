/**
 * Questions to entrances that don't outlive the way to them: one whose entrance can't be reached any more is settled at
 * once, not at its deadline. It may have been carried out, which is what the asker is told; all that is asked so can be
 * asked again.
 */
import {entranceKey} from './entrance-protocol.ts';
import type {Asker} from './remote-call.ts';
import type {Receptionist} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';

type Open = {readonly ref: Ref<never>; readonly fail: (error: Error) => void};

export type EntranceAsker = Asker & {readonly close: () => void};

export function createEntranceAsker(system: Asker, receptionist: Receptionist): EntranceAsker {
  const open = new Set<Open>();
  const close = receptionist.onChange(entranceKey, () => {
    if (open.size === 0) return;
    const reachable = new Set<Ref<never>>(receptionist.all(entranceKey).values());
    for (const {ref, fail} of open) {
      if (!reachable.has(ref)) fail(new Error('it can not be reached any more.'));
    }
  });
  return {
    close,
    ask: (ref, makeMessage, timeoutMs) =>
      new Promise((resolve, reject) => {
        const entry: Open = {
          ref,
          fail(error) {
            open.delete(entry);
            reject(error);
          },
        };
        open.add(entry);
        system.ask(ref, makeMessage, timeoutMs).then(
          answer => {
            open.delete(entry);
            resolve(answer);
          },
          error => {
            open.delete(entry);
            reject(error);
          },
        );
      }),
  };
}
