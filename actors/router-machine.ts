/**
 * Decides when labels are read and what is published: what membership says, joined with the labels in the database.
 *
 *   resting ── poll due, a member came up, labels changed ──▶ reading ── read, unchanged, failed ──▶ resting
 *
 * A change of labels is effective on every node within a poll, and at once where it was made or hinted at. While the
 * database is away the last labels stay in force. A member takes no jobs before labels were read that are newer than the
 * moment it came up: a node writes its labels before it is up, so those are its own and not its predecessor's.
 *
 * Callers resolve from the published snapshot, in their own turn; asking the actor is for those in other processes.
 */
import type {Failure} from './domain/errors.ts';
import type {Labels} from './domain/label.ts';
import {labelsOfRow, type LabelledInstance} from './instance-label.ts';
import {createSnapshot, emptySnapshot, type MemberView, type RouteSnapshot} from './route-snapshot.ts';
import type {Resolution, RouteRequest} from './router.ts';
import type {Decision} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

export type RouteAnswer =
  | ({readonly type: 'resolved'} & Resolution)
  | {readonly type: 'refused'; readonly failure: Failure};

/** Whether labels as they were when this was asked are in force now. */
export type LabelsRefreshed =
  | {readonly type: 'refreshed'}
  | {readonly type: 'notRefreshed'; readonly failure: Failure};

export type RouterCommand =
  /** All members, not only those that changed. */
  | {readonly type: 'membersChanged'; readonly members: readonly MemberView[]}
  /** Somebody changed labels, here or on another node: read them now. */
  | {readonly type: 'labelsChanged'; readonly replyTo?: Ref<LabelsRefreshed>}
  | {readonly type: 'resolve'; readonly request: RouteRequest; readonly replyTo: Ref<RouteAnswer>};

/** `rows` undefined: nothing has changed since the version that is known. */
export type LabelsRead = {readonly version: string; readonly rows: readonly LabelledInstance[] | undefined};

export type RouterReport =
  | {readonly type: 'pollDue'}
  | ({readonly type: 'labelsRead'} & LabelsRead)
  | {readonly type: 'readFailed'; readonly failure: Failure};

export type RouterMessage = RouterCommand | RouterReport;

type Askers = readonly Ref<LabelsRefreshed>[];

/** Members by life whose labels a read that begins now will show. */
type Reading = {
  readonly covers: ReadonlySet<string>;
  readonly askers: Askers;
  /** Set when something changed after the read began: another one follows. */
  readonly next: {readonly askers: Askers} | undefined;
};

export type RouterState = {
  readonly members: readonly MemberView[];
  readonly labels: ReadonlyMap<string, Labels>;
  /** Undefined: never read. */
  readonly version: string | undefined;
  /** Lives of members whose labels are known. */
  readonly known: ReadonlySet<string>;
  readonly reading: Reading | undefined;
  readonly isAway: boolean;
  /** Polls that found the version unchanged, in a row. */
  readonly unchanged: number;
  readonly snapshot: RouteSnapshot;
};

export type RouterEffect =
  | {readonly type: 'publish'; readonly snapshot: RouteSnapshot}
  | {readonly type: 'read'; readonly version: string | undefined}
  | {readonly type: 'pollLater'}
  | {readonly type: 'tell'; readonly askers: Askers; readonly answer: LabelsRefreshed}
  | {readonly type: 'report'; readonly failure: Failure}
  | {
      readonly type: 'answer';
      readonly snapshot: RouteSnapshot;
      readonly request: RouteRequest;
      readonly replyTo: Ref<RouteAnswer>;
    };

type RouterDecision = Decision<RouterState, RouterEffect>;

export type RouterOptions = {readonly preferredInstance?: string | undefined};

export const initialRouter: RouterState = {
  members: [],
  labels: new Map(),
  version: undefined,
  known: new Set(),
  reading: undefined,
  isAway: false,
  unchanged: 0,
  snapshot: emptySnapshot,
};

/** Then labels are read whatever the version says: it can't show a row that somebody edited by hand. */
const unchangedMax = 14;

export function decideRouter(
  options: RouterOptions,
  state: RouterState,
  message: RouterMessage,
): RouterDecision {
  switch (message.type) {
    case 'membersChanged': {
      const members = message.members.map(viewOf);
      const lives = new Set(members.map(lifeOf));
      const known = new Set([...state.known].filter(life => lives.has(life)));
      const changed = withSnapshot(options, {...state, members, known});
      // Who is seen up for the first time, in this life.
      const hasCome = [...upOf(members)].some(life => !known.has(life));
      return hasCome ? join(changed, read(changed.state, [])) : changed;
    }
    case 'labelsChanged':
      return read(state, message.replyTo === undefined ? [] : [message.replyTo]);
    case 'pollDue':
      return state.reading === undefined ? begin(state, []) : {state, effects: []};
    case 'labelsRead': {
      const {version, rows} = message;
      const covers = state.reading?.covers ?? new Set();
      const lives = new Set(state.members.map(lifeOf));
      const learned = withSnapshot(options, {
        ...state,
        version,
        labels: rows === undefined ? state.labels : labelsByInstance(rows),
        known: new Set([...state.known, ...covers].filter(life => lives.has(life))),
        isAway: false,
        unchanged: rows === undefined ? state.unchanged + 1 : 0,
      });
      return join(learned, rest(learned.state, {type: 'refreshed'}));
    }
    case 'readFailed': {
      const {failure} = message;
      const effects: RouterEffect[] = state.isAway ? [] : [{type: 'report', failure}];
      const away = {state: {...state, isAway: true}, effects};
      return join(away, rest(away.state, {type: 'notRefreshed', failure}));
    }
    case 'resolve': {
      const {request, replyTo} = message;
      return {state, effects: [{type: 'answer', snapshot: state.snapshot, request, replyTo}]};
    }
  }
}

/** Without what else membership knows of it, which changes all the time. */
const viewOf = ({instance, incarnation, roles, state, isReachable}: MemberView): MemberView => ({
  instance,
  incarnation,
  roles,
  state,
  isReachable,
});

const lifeOf = ({instance, incarnation}: MemberView): string => `${instance}#${incarnation}`;

const upOf = (members: readonly MemberView[]): Set<string> =>
  new Set(members.filter(({state}) => state === 'up').map(lifeOf));

const labelsByInstance = (rows: readonly LabelledInstance[]): Map<string, Labels> =>
  new Map(rows.map(row => [row.instance, labelsOfRow(row)]));

const join = (first: RouterDecision, then: RouterDecision): RouterDecision => ({
  state: then.state,
  effects: [...first.effects, ...then.effects],
});

/** A read that began earlier may have missed what this one is for. */
function read(state: RouterState, askers: Askers): RouterDecision {
  const {reading} = state;
  if (reading === undefined) return begin(state, askers);
  const next = {askers: [...(reading.next?.askers ?? []), ...askers]};
  return {state: {...state, reading: {...reading, next}}, effects: []};
}

const begin = (state: RouterState, askers: Askers): RouterDecision => ({
  state: {...state, reading: {covers: upOf(state.members), askers, next: undefined}},
  effects: [{type: 'read', version: state.unchanged < unchangedMax ? state.version : undefined}],
});

/** The read is over: answers who waited for it, and begins the next one or waits for the poll. */
function rest(state: RouterState, answer: LabelsRefreshed): RouterDecision {
  const {reading} = state;
  const askers = reading?.askers ?? [];
  const effects: RouterEffect[] = askers.length === 0 ? [] : [{type: 'tell', askers, answer}];
  const resting = {...state, reading: undefined};
  if (reading?.next === undefined) return {state: resting, effects: [...effects, {type: 'pollLater'}]};
  return join({state: resting, effects}, begin(resting, reading.next.askers));
}

/** Published before anything else is told: whoever hears that labels are in force finds them so. */
function withSnapshot(options: RouterOptions, state: RouterState): RouterDecision {
  if (state.version === undefined) return {state, effects: []};
  const members = state.members.map(member => ({
    ...member,
    labels: state.known.has(lifeOf(member)) ? state.labels.get(member.instance) : undefined,
  }));
  // Polls mostly find nothing new: the snapshot stays the same object.
  if (
    JSON.stringify(members.toSorted(byInstance)) === JSON.stringify(state.snapshot.members) &&
    state.snapshot.isReady
  )
    return {state, effects: []};
  const snapshot = createSnapshot(members, options);
  return {state: {...state, snapshot}, effects: [{type: 'publish', snapshot}]};
}

const byInstance = (a: MemberView, b: MemberView): number => (a.instance < b.instance ? -1 : 1);
