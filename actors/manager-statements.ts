/** What entrances state, and how the manager takes it: it is true whenever it is newer than what is known. */
import {
  settleWanting,
  spareOf,
  unpark,
  unparkFor,
  wantingOf,
  type EntranceRecord,
  type ManagerState,
  type Wanting,
} from './manager-state.ts';
import {ended} from './manager-engines.ts';
import type {KeyStatement, ManagerCommand, Statement} from './manager-protocol.ts';

export function stated(
  state: ManagerState,
  {statement, replyTo}: ManagerCommand & {readonly type: 'state'},
): void {
  const {entrance: instance, sequence, keys, isFull, gone, load, fence} = statement;
  const entrance = entranceOf(state, statement, replyTo);
  // An earlier one that came late says what is true no more.
  if (sequence < entrance.sequence) return;
  entrance.sequence = sequence;
  entrance.replyTo = replyTo;
  if (load !== undefined) entrance.load = load;
  for (const engineId of gone) {
    if (state.ledger.reservations.get(engineId)?.entrance === instance) ended(state, engineId);
  }
  const named = new Set<string>();
  const isOfThis = fence === state.settings.fence;
  for (const stated of keys) {
    const wanting = wantingOf(entrance, stated.key);
    named.add(wanting.keyText);
    const spare = spareOf(wanting);
    wanting.wanted = stated.wanted;
    wanting.sinceMs = stated.sinceMs;
    wanting.idle = stated.idle;
    wanting.ending = stated.ending;
    // Counts of a former manager's grants say nothing of this one's.
    if (isOfThis) countTaken(wanting, stated);
    // Whoever still wants what can't be had was not told yet.
    if (wanting.isHopeless) unpark(state, wanting);
    settleWanting(state, wanting);
    if (spareOf(wanting) > spare) unparkFor(state, stated.key);
  }
  if (!isFull) return;
  for (const keyText of entrance.keys.keys()) if (!named.has(keyText)) forget(state, entrance, keyText);
}

/** Counts of an earlier life of the key are over; what was issued and not taken then is under way in this one. */
function countTaken(wanting: Wanting, {life, grantsTaken, recallsTaken}: KeyStatement): void {
  if (wanting.life !== life) {
    wanting.life = life;
    wanting.grantsIssued -= wanting.grantsTaken;
    wanting.recallsIssued -= wanting.recallsTaken;
    wanting.grantsTaken = 0;
    wanting.recallsTaken = 0;
  }
  wanting.grantsTaken = Math.max(wanting.grantsTaken, grantsTaken);
  wanting.recallsTaken = Math.max(wanting.recallsTaken, recallsTaken);
  // One that counted as lost was taken after all.
  wanting.grantsIssued = Math.max(wanting.grantsIssued, wanting.grantsTaken);
  wanting.recallsIssued = Math.max(wanting.recallsIssued, wanting.recallsTaken);
}

function entranceOf(
  state: ManagerState,
  {entrance: instance, incarnation}: Statement,
  replyTo: EntranceRecord['replyTo'],
): EntranceRecord {
  const known = state.entrances.get(instance);
  if (known?.incarnation === incarnation) return known;
  if (known !== undefined) entranceGone(state, known.incarnation);
  const made: EntranceRecord = {
    instance,
    incarnation,
    sequence: -1,
    replyTo,
    keys: new Map(),
    load: [],
  };
  state.entrances.set(instance, made);
  return made;
}

function forget(state: ManagerState, entrance: EntranceRecord, keyText: string): void {
  const wanting = entrance.keys.get(keyText);
  if (wanting === undefined) return;
  wanting.wanted = 0;
  wanting.grantsTaken = wanting.grantsIssued;
  settleWanting(state, wanting);
  state.recalled.delete(wanting);
  entrance.keys.delete(keyText);
}

/** Its engines stay in the ledger as long as their ECMs report them. */
export function entranceGone(state: ManagerState, incarnation: string): void {
  for (const [instance, entrance] of state.entrances) {
    if (entrance.incarnation !== incarnation) continue;
    for (const keyText of entrance.keys.keys()) forget(state, entrance, keyText);
    state.entrances.delete(instance);
    for (const {engineId, entrance: owner, phase} of state.ledger.reservations.values()) {
      if (owner === instance && phase === 'granted') ended(state, engineId);
    }
  }
}
