/**
 * The persistence actor: groups what many jobs want recorded into few commits, and answers each after its commit.
 *
 *   idle ──write──▶ committing ──committed──▶ idle          a commit takes whatever gathered during the one before it
 *                       │ ▲
 *                failed │ │ again, the same batch, a few times: a lost answer comes out as written
 *                       ▼ │
 *                    retrying ──attempts used up──▶ away ──commit succeeds, nothing left──▶ idle
 *
 * Away: updates go to the outbox and wait, in order; inserts are refused, for an accepted job must be durable (G1). An
 * insert whose answer stayed unknown is answered as unknown (20962), and leaves an update that ends the row should it exist
 * after all. That update may come too late: should this node die first, the row is taken over and runs.
 */
import {PersistJobRequestError, toFailure} from './domain/errors.ts';
import {instanceOf} from './domain/owner.ts';
import type {Outbox} from './outbox.ts';
import {
  DatabaseAwayError,
  type JobInsert,
  type JobStore,
  type JobUpdate,
  type JobWrite,
  type WriteOutcome,
} from './ports.ts';
import type {Decision, Machine} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';
import {SubmissionUnknownError} from './submission-unknown.ts';

/**
 * `settled` is called exactly once. `refused` with code 20052: nothing was, or ever will be, accepted; with code 20962:
 * nobody knows.
 */
export type WriteCommand = {
  type: 'write';
  write: JobWrite;
  /**
   * Nobody waits for it: it goes with the next write of its job, which usually takes its place, and alone only after two
   * commits without one, or `lazyMs` of quiet.
   */
  isLazy: boolean;
  settled: (outcome: WriteOutcome) => void;
};

type WriterReport =
  | {type: 'committed'; outcomes: readonly WriteOutcome[]}
  | {type: 'commitFailed'; error: unknown}
  | {type: 'retryDue'}
  | {type: 'lazyDue'};

export type WriterMessage = WriteCommand | WriterReport;

type Entry = Pick<WriteCommand, 'write' | 'settled'> & {
  /** Commits that a lazy write may still miss. */
  readonly misses: number;
};
/** Newest first, so that adding is O(1) and never copies. */
type Pile = {readonly entry: Entry; readonly rest: Pile} | undefined;

export type WriterState = {
  readonly phase: 'idle' | 'committing' | 'retrying' | 'away';
  /** The batch in the database's hands, or to be offered to it again. */
  readonly batch: readonly Entry[];
  readonly waiting: Pile;
  readonly waitingCount: number;
  readonly attempts: number;
  /** Of the attempts to commit this batch, one may have been carried out. */
  readonly mayBeStored: boolean;
  /** Whether a commit is in flight while away. */
  readonly isTrying: boolean;
};

export type WriterEffect =
  | {type: 'commit'; writes: readonly JobWrite[]}
  | {type: 'settle'; entries: readonly Entry[]; outcomes: readonly WriteOutcome[]}
  | {type: 'keep'; updates: readonly JobUpdate[]}
  | {type: 'clear'}
  | {type: 'wake'; afterMs: number}
  | {type: 'wakeLazily'}
  | {type: 'report'; isAway: boolean; error?: unknown};

export const writerLimits = {
  batchMax: 512,
  waitingMax: 100_000,
  attemptsMax: 3,
  retryDelayMs: 150,
  awayDelayMs: 500,
  lazyMs: 20,
  lazyMissesMax: 2,
};

export const idleWriter: WriterState = {
  phase: 'idle',
  batch: [],
  waiting: undefined,
  waitingCount: 0,
  attempts: 0,
  mayBeStored: false,
  isTrying: false,
};

type WriterDecision = Decision<WriterState, WriterEffect>;

export function decideWriter(state: WriterState, message: WriterMessage): WriterDecision {
  switch (message.type) {
    case 'write':
      return take(state, message);
    case 'committed':
      return finish(state, message.outcomes);
    case 'commitFailed':
      return fail(state, message.error);
    case 'retryDue':
      return retry(state);
    case 'lazyDue':
      return state.phase === 'idle' ? commitNext(state, true) : {state, effects: []};
  }
}

function take(state: WriterState, {write, settled, isLazy}: WriteCommand): WriterDecision {
  const entry: Entry = {write, settled, misses: isLazy ? writerLimits.lazyMissesMax : 0};
  const isInsert = write.type === 'insert';
  if (isInsert && (state.phase === 'away' || state.waitingCount >= writerLimits.waitingMax)) {
    return {state, effects: [refuse([entry])]};
  }
  const gathered: WriterState = {
    ...state,
    waiting: {entry, rest: state.waiting},
    waitingCount: state.waitingCount + 1,
  };
  if (state.phase === 'away') return {state: gathered, effects: keep([entry])};
  if (state.phase !== 'idle') return {state: gathered, effects: []};
  if (!isLazy) return commitNext(gathered);
  // Only the first arms the timer: a steady trickle must not put it off for ever.
  return {state: gathered, effects: state.waitingCount === 0 ? [{type: 'wakeLazily'}] : []};
}

/** Starts the next commit with the oldest of what waits, up to the batch limit. */
function commitNext(state: WriterState, takesAll = false): WriterDecision {
  const all: Entry[] = [];
  for (let pile = state.waiting; pile !== undefined; pile = pile.rest) all.push(pile.entry);
  all.reverse();
  const urgent = new Set<number>();
  for (const {write, misses} of all) if (misses === 0 || takesAll) urgent.add(idOf(write));
  const batch: Entry[] = [];
  let waiting: Pile;
  for (const entry of all) {
    // By job, not by write: a lazy one never comes after a later one of its job.
    if (batch.length < writerLimits.batchMax && urgent.has(idOf(entry.write))) batch.push(entry);
    else waiting = {entry: {...entry, misses: Math.max(0, entry.misses - 1)}, rest: waiting};
  }
  const waitingCount = all.length - batch.length;
  const next = {...state, batch, waiting, waitingCount, attempts: 0, mayBeStored: false};
  return batch.length > 0
    ? {state: {...next, phase: 'committing'}, effects: [commit(batch)]}
    : {state: {...next, phase: 'idle'}, effects: waitingCount > 0 ? [{type: 'wakeLazily'}] : []};
}

function finish(state: WriterState, outcomes: readonly WriteOutcome[]): WriterDecision {
  const settle: WriterEffect = {
    type: 'settle',
    entries: state.batch,
    outcomes: spread(state.batch, outcomes),
  };
  if (state.phase !== 'away') {
    const next = commitNext({...state, batch: []});
    return {state: next.state, effects: [settle, ...next.effects]};
  }
  const next = commitNext({...state, batch: []}, true);
  if (next.effects.length > 0) {
    return {state: {...next.state, phase: 'away', isTrying: true}, effects: [settle, ...next.effects]};
  }
  return {
    state: {...next.state, isTrying: false},
    effects: [settle, {type: 'clear'}, {type: 'report', isAway: false}],
  };
}

function fail(state: WriterState, error: unknown): WriterDecision {
  if (state.phase === 'away') {
    return {state: {...state, isTrying: false}, effects: [{type: 'wake', afterMs: writerLimits.awayDelayMs}]};
  }
  const attempts = state.attempts + 1;
  const isUndone = error instanceof DatabaseAwayError && error.isUndone;
  const mayBeStored = state.mayBeStored || !isUndone;
  if (attempts < writerLimits.attemptsMax) {
    return {
      state: {...state, phase: 'retrying', attempts, mayBeStored},
      effects: [{type: 'wake', afterMs: writerLimits.retryDelayMs * 3 ** (attempts - 1)}],
    };
  }
  return goAway({...state, mayBeStored}, error);
}

function goAway(state: WriterState, error: unknown): WriterDecision {
  const waiting: Entry[] = [];
  for (let pile = state.waiting; pile !== undefined; pile = pile.rest) waiting.push(pile.entry);
  waiting.reverse();
  const offered = state.batch.filter(isInsertEntry);
  const unknown = state.mayBeStored ? offered : [];
  const refused = [...(state.mayBeStored ? [] : offered), ...waiting.filter(isInsertEntry)];
  const tombstones = unknown.map(({write}) => ({write: tombstone(write), settled: ignore, misses: 0}));
  const kept = [...state.batch, ...waiting].filter(entry => !isInsertEntry(entry));
  const batch = [...kept, ...tombstones];
  return {
    state: {
      ...state,
      phase: 'away',
      batch,
      waiting: undefined,
      waitingCount: 0,
      attempts: 0,
      mayBeStored: false,
      isTrying: false,
    },
    effects: [
      {type: 'report', isAway: true, error},
      ...keep(batch),
      leaveUnknown(unknown),
      refuse(refused),
      {type: 'wake', afterMs: writerLimits.awayDelayMs},
    ],
  };
}

function retry(state: WriterState): WriterDecision {
  if (state.phase === 'retrying') {
    return {state: {...state, phase: 'committing'}, effects: [commit(state.batch)]};
  }
  if (state.phase !== 'away' || state.isTrying) return {state, effects: []};
  if (state.batch.length > 0) return {state: {...state, isTrying: true}, effects: [commit(state.batch)]};
  const next = commitNext(state, true);
  return next.effects.length > 0
    ? {state: {...next.state, phase: 'away', isTrying: true}, effects: next.effects}
    : // Nothing waits: an empty commit tells whether the database is back.
      {state: {...state, isTrying: true}, effects: [{type: 'commit', writes: []}]};
}

/** Ends the row of a submission that was answered as unknown, should its insert have been committed after all. */
export const tombstone = ({row}: JobInsert): JobUpdate => ({
  type: 'update',
  id: row.id,
  owner: row.instances,
  from: ['Inited'],
  set: {
    status: 'Failed',
    progress: '1.0',
    errorCode: 20052,
    updatedTime: row.createdTime,
    errorDesc: 'The database did not answer in time; the submission was refused.',
  },
  // Sent again, it is a submission of its own, and no answer to this one.
  facts: {idempotencyKey: null},
});

/**
 * Successive updates of one job become one statement: the first's condition, the last's values. They are adjacent in
 * meaning because nothing that depends on the earlier one was done in between.
 */
export function merged(batch: readonly Entry[]): JobWrite[] {
  const writes: JobWrite[] = [];
  const last = new Map<number, number>();
  for (const {write} of batch) {
    const at = last.get(idOf(write));
    const before = at === undefined ? undefined : writes[at];
    if (
      at !== undefined &&
      before?.type === 'update' &&
      write.type === 'update' &&
      before.owner === write.owner
    ) {
      const details = [...(before.details ?? []), ...(write.details ?? [])];
      writes[at] = {
        ...before,
        set: {...before.set, ...write.set},
        facts: {...before.facts, ...write.facts},
        ...(details.length > 0 && {details}),
      };
    } else {
      last.set(idOf(write), writes.length);
      writes.push(write);
    }
  }
  return writes;
}

/** Gives each entry the outcome of the statement it went into. */
function spread(batch: readonly Entry[], outcomes: readonly WriteOutcome[]): WriteOutcome[] {
  const byId = new Map<number, WriteOutcome>();
  merged(batch).forEach((write, index) => {
    const outcome = outcomes[index];
    if (outcome !== undefined) byId.set(idOf(write), outcome);
  });
  return batch.map(({write}) => byId.get(idOf(write)) ?? {type: 'written'});
}

const idOf = (write: JobWrite): number => (write.type === 'insert' ? write.row.id : write.id);
const isInsertEntry = (entry: Entry): entry is Entry & {write: JobInsert} => entry.write.type === 'insert';
const commit = (batch: readonly Entry[]): WriterEffect => ({type: 'commit', writes: merged(batch)});
const ignore = (): void => undefined;

function keep(entries: readonly Entry[]): WriterEffect[] {
  const updates = entries.flatMap(({write}) => (write.type === 'update' ? [write] : []));
  return updates.length === 0 ? [] : [{type: 'keep', updates}];
}

function refuse(entries: readonly Entry[]): WriterEffect {
  const {code, message, retryable} = new PersistJobRequestError();
  const refused: WriteOutcome = {type: 'refused', failure: {code, message, retryable}};
  return {type: 'settle', entries, outcomes: entries.map(() => refused)};
}

function leaveUnknown(entries: readonly (Entry & {write: JobInsert})[]): WriterEffect {
  const outcomes = entries.map(({write: {row, facts}}): WriteOutcome => {
    const why = 'does not know whether the database has stored it';
    const error = new SubmissionUnknownError(instanceOf(row.instances), facts.idempotencyKey, why);
    return {type: 'refused', failure: toFailure(error)};
  });
  return {type: 'settle', entries, outcomes};
}

export type WriterDependencies = {
  readonly store: Pick<JobStore, 'commit'>;
  /** Rejects while the database can't be asked. */
  readonly ping: () => Promise<void>;
  readonly outbox: Outbox;
  /** Told when the database went away, and when it is back. */
  readonly onAway: (isAway: boolean, error: unknown) => void;
  /** Told of each commit, for metrics. */
  readonly onCommit: (writes: number) => void;
  /** An outbox that can't be written loses the promise of G8, not the running jobs: it is reported. */
  readonly onOutboxFailure: (error: unknown) => void;
};

export function historyWriter(
  dependencies: WriterDependencies,
): Machine<WriterState, WriterMessage, WriterEffect> {
  const {store, ping, outbox, onAway, onCommit, onOutboxFailure} = dependencies;
  return {
    initial: idleWriter,
    decide: decideWriter,
    perform(effect, {self, setTimer}) {
      switch (effect.type) {
        case 'commit':
          // Not awaited: what gathers meanwhile must reach the mailbox, and its answer is a message.
          void (effect.writes.length === 0 ? ping().then(() => []) : store.commit(effect.writes)).then(
            outcomes => {
              onCommit(effect.writes.length);
              return self.tell({type: 'committed', outcomes});
            },
            (error: unknown) => self.tell({type: 'commitFailed', error}),
          );
          return;
        case 'settle':
          effect.entries.forEach(({settled}, index) => settled(effect.outcomes[index] ?? {type: 'written'}));
          return;
        case 'keep':
          return outbox.append(effect.updates).catch(onOutboxFailure);
        case 'clear':
          return outbox.clear().catch(onOutboxFailure);
        case 'wakeLazily':
          return setTimer('lazy', writerLimits.lazyMs, {type: 'lazyDue'});
        case 'wake':
          return setTimer('retry', effect.afterMs, {type: 'retryDue'});
        case 'report':
          return onAway(effect.isAway, effect.error);
      }
    },
  };
}

/** Asks the writer, and waits for the commit however long it takes. */
export const record = (writer: Ref<WriteCommand>, write: JobWrite, isLazy = false): Promise<WriteOutcome> =>
  new Promise(resolve => {
    if (writer.tell({type: 'write', write, isLazy, settled: resolve})) return;
    const {code, message, retryable} = new PersistJobRequestError();
    resolve({type: 'refused', failure: {code, message, retryable}});
  });

export const isWriterReport = (message: WriterMessage): boolean => message.type !== 'write';
