/**
 * What nodes ask of an entrance on another node: the service `entrance`. Every question carries `replyTo`; an answer is a
 * value or a failure, and null stands for "no such job". Who follows a job gets numbered news, so that a lost one is
 * noticed, and says from time to time what it has taken, which is its credit for more and its sign of life.
 */
import {Type, type Static} from 'typebox';
import {Compile} from 'typebox/compile';
import {LinkisError} from './domain/errors.ts';
import {jobStatuses} from './domain/job.ts';
import {gateNames} from './gate.ts';
import type {Accepted, Governance, JobNews, JobView, JobWhy, KillReport} from './governance.ts';
import {priorityMax} from './job-wait.ts';
import type {LogChunk, LogPosition} from './ports.ts';
import {bytesSchema, pieceBytesMax, refSchema, replyCheck, type Reply} from './remote-call.ts';
import type {ServiceKey} from './runtime/receptionist.ts';

/** News `sequence` of one following, counted from 1. */
export type NumberedNews = {readonly sequence: number; readonly news: JobNews};

/** Lines of a log. A line alone larger than a message comes in pieces: then `bytesTotal` is more than these bytes. */
export type LogPiece = LogChunk & {readonly bytesTotal: number};

export type Load = ReturnType<Governance['load']>;

const text = Type.String({maxLength: 4096});
const count = Type.Integer({minimum: 0, maximum: Number.MAX_SAFE_INTEGER});
const taskID = Type.Integer({minimum: 1, maximum: Number.MAX_SAFE_INTEGER});
const followId = Type.String({minLength: 1, maxLength: 128});
const status = Type.Union(jobStatuses.map(name => Type.Literal(name)));
const orNull = <Schema extends Parameters<typeof Type.Array>[0]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);

const caller = Type.Object({
  user: text,
  isAdmin: Type.Boolean(),
  hasAdminToken: Type.Boolean(),
  address: text,
  requestId: text,
});

const EntranceMessage = Type.Union([
  Type.Object({
    type: Type.Literal('submit'),
    /** JSON, checked by the entrance as any body is: as a text it may be as deep and as wide as a client sent it. */
    body: Type.String(),
    caller,
    options: Type.Object({
      idempotencyKey: Type.Optional(text),
      isFreshKey: Type.Optional(Type.Boolean()),
      routedBy: Type.Optional(text),
    }),
    replyTo: refSchema<Reply<Accepted>>(),
  }),
  Type.Object({type: Type.Literal('find'), taskID, replyTo: refSchema<Reply<JobView | null>>()}),
  Type.Object({type: Type.Literal('kill'), taskID, caller, replyTo: refSchema<Reply<KillReport>>()}),
  Type.Object({type: Type.Literal('why'), taskID, replyTo: refSchema<Reply<JobWhy | null>>()}),
  Type.Object({
    type: Type.Literal('setPriority'),
    taskID,
    priority: Type.Integer({minimum: 0, maximum: priorityMax}),
    replyTo: refSchema<Reply<boolean>>(),
  }),
  /** It gets no more jobs; false: this entrance does not use it. */
  Type.Object({
    type: Type.Literal('retireEngine'),
    engineId: Type.String({minLength: 1, maxLength: 64}),
    replyTo: refSchema<Reply<boolean>>(),
  }),
  Type.Object({type: Type.Literal('logPosition'), taskID, replyTo: refSchema<Reply<LogPosition | null>>()}),
  Type.Object({
    type: Type.Literal('readLog'),
    taskID,
    fromLine: count,
    linesMax: count,
    bytesMax: count,
    /** Of a line that comes in pieces: what is there already. */
    skipBytes: count,
    replyTo: refSchema<Reply<LogPiece | null>>(),
  }),
  Type.Object({
    type: Type.Literal('follow'),
    taskID,
    /** Made up by who follows, unique in the cluster. */
    followId,
    withLog: Type.Boolean(),
    subscriber: refSchema<NumberedNews>(),
    /** False: there is no such job. */
    replyTo: refSchema<Reply<boolean>>(),
  }),
  /** All news up to `taken` have come. The answer is the number of the last one sent; -1: nothing is followed here. */
  Type.Object({type: Type.Literal('renew'), followId, taken: count, replyTo: refSchema<Reply<number>>()}),
  Type.Object({type: Type.Literal('unfollow'), followId}),
  Type.Object({type: Type.Literal('load'), replyTo: refSchema<Reply<Load>>()}),
]);

export type EntranceMessage = Readonly<Static<typeof EntranceMessage>>;

const message = Compile(EntranceMessage);

export const entranceKey: ServiceKey<EntranceMessage> = {
  name: 'entrance',
  accepts: (value): value is EntranceMessage => message.Check(value),
};

const logChunk = {
  fromLine: count,
  lineCount: count,
  bytes: bytesSchema(pieceBytesMax),
  whyGone: Type.Optional(Type.String()),
};

const progressInfo = Type.Array(
  Type.Object({
    id: Type.String(),
    totalTasks: Type.Number(),
    runningTasks: Type.Number(),
    failedTasks: Type.Number(),
    succeedTasks: Type.Number(),
  }),
);

export const gateSchema = Type.Object({
  gate: Type.Union(gateNames.map(name => Type.Literal(name))),
  unit: Type.String(),
  value: Type.Number(),
  limit: Type.Number(),
  holders: Type.Array(
    Type.Object({who: Type.String(), holds: Type.Number(), user: Type.Optional(Type.String())}),
  ),
  what: Type.String(),
  opens: Type.String(),
});

const resources = Type.Object({
  memoryBytes: Type.Number(),
  cores: Type.Number(),
  instances: Type.Number(),
});

/** What an entrance's answers must look like, by the question's type. */
export const replies = {
  submit: replyCheck<Accepted>(Type.Object({taskID, execID: Type.String()})),
  find: replyCheck<JobView | null>(
    orNull(
      Type.Object({
        taskID,
        execID: Type.String(),
        status,
        progress: Type.Number(),
        progressInfo,
        submitUser: Type.String(),
        executeUser: Type.String(),
        logPath: Type.String(),
      }),
    ),
  ),
  why: replyCheck<JobWhy | null>(
    orNull(
      Type.Object({
        taskID,
        status,
        priority: Type.Number(),
        gates: Type.Array(gateSchema),
        position: Type.Optional(count),
        eta: Type.Optional(Type.Object({ms: Type.Number(), basis: Type.String()})),
        timeline: Type.Array(Type.Object({cause: Type.String(), ms: Type.Number()})),
      }),
    ),
  ),
  setPriority: replyCheck<boolean>(Type.Boolean()),
  retireEngine: replyCheck<boolean>(Type.Boolean()),
  kill: replyCheck<KillReport>(
    Type.Object({
      taskID,
      result: Type.Union([Type.Literal('ended'), Type.Literal('underWay'), Type.Literal('alreadyEnded')]),
      status,
      receipt: Type.Optional(
        Type.Object({
          signals: Type.Array(Type.String()),
          processesEnded: count,
          pids: Type.Array(count),
          tookMs: Type.Number(),
          returned: resources,
        }),
      ),
    }),
  ),
  logPosition: replyCheck<LogPosition | null>(
    orNull(Type.Object({lines: count, bytes: count, spoolOffset: count})),
  ),
  readLog: replyCheck<LogPiece | null>(orNull(Type.Object({...logChunk, bytesTotal: count}))),
  follow: replyCheck<boolean>(Type.Boolean()),
  renew: replyCheck<number>(Type.Integer({minimum: -1})),
  load: replyCheck<Load>(
    Type.Array(
      Type.Object({
        group: Type.String(),
        // The version before this one does not say.
        tenant: Type.Optional(Type.String()),
        user: Type.String(),
        creator: Type.String(),
        engineType: Type.String(),
        running: count,
        queued: count,
      }),
    ),
  ),
};

const numberedNews = Compile(
  Type.Object({
    sequence: Type.Integer({minimum: 1}),
    news: Type.Union([
      Type.Object({type: Type.Literal('status'), status, at: Type.Number()}),
      Type.Object({type: Type.Literal('progress'), progress: Type.Number(), progressInfo}),
      Type.Object({type: Type.Literal('log'), lines: count, chunk: Type.Object(logChunk)}),
      Type.Object({type: Type.Literal('end'), status, lines: count}),
    ]),
  }),
);

export const isNumberedNews = (value: unknown): value is NumberedNews => numberedNews.Check(value);

/** The job is another node's by now. Who asks looks at the row again. */
export class NotOwnerError extends LinkisError {
  override readonly name = 'NotOwnerError';
  readonly code = 20963;
  override readonly retryable = true;

  constructor(id: number, owner: string) {
    super(`Job ${id} belongs to ${owner}. Ask again: it is looked for anew.`);
  }
}
