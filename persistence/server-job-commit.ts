/**
 * A batch of job writes on MySQL and MariaDB, where each statement is a round trip and each commit a sync: new jobs go
 * in as rows of one insert, changes as one guarded statement per shape (which fields, which condition). Changes are single autocommit
 * statements over both tables, so a client that is paused never holds their rows. Counts tell whether all
 * were written; if not, the rows are read and the outcomes derived from them.
 */
import {LinkisError} from '../actors/domain/errors.ts';
import {isTerminal} from '../actors/domain/job.ts';
import type {JobInsert, JobUpdate, JobWrite, WriteOutcome} from '../actors/ports.ts';
import {ValueRefusedError} from './server-failure.ts';
import {
  IdempotencyKeyTakenError,
  insertOutcome,
  outcomeColumns,
  refused,
  TaskIdTakenError,
  updateOutcome,
  written,
} from './commit-outcome.ts';
import {
  detailTable,
  historyTable,
  insertColumns,
  jobTable,
  textTable,
  updateColumns,
  type Columns,
  type JobColumns,
} from './job-columns.ts';
import {attemptDetailSql, detailColumns, endsAttempt} from './job-details.ts';
import type {FacetBook} from './job-facets.ts';
import {integerOf} from './sql-row.ts';
import {
  DuplicateKeyError,
  placeholders,
  serverWords,
  type SqlRow,
  type SqlSession,
  type SqlStatements,
  type SqlValue,
} from './sql-session.ts';

/** One statement takes at most so many jobs, and characters of theirs: `max_allowed_packet` and case lists set the bounds. */
const chunkMax = {jobs: 128, characters: 1_500_000};
/** Four lanes are 2.2 times as fast as one, eight 2.4 times. */
const lanesMax = 4;

type Entry<Write extends JobWrite = JobWrite> = {
  readonly write: Write;
  readonly columns: JobColumns;
  readonly details: readonly Columns[];
  readonly settle: (outcome: WriteOutcome) => void;
};

/** Rejects with `DatabaseAwayError`; then each write may or may not be there, and committing again tells. */
export async function commitToServer(
  session: SqlSession,
  facets: FacetBook,
  writes: readonly JobWrite[],
): Promise<readonly WriteOutcome[]> {
  const {time} = serverWords;
  const outcomes: WriteOutcome[] = writes.map(() => written);
  const rounds: {inserts: Entry<JobInsert>[]; updates: Entry<JobUpdate>[]}[] = [];
  const turns = new Map<number, number>();
  writes.forEach((write, index) => {
    const settle = (outcome: WriteOutcome): void => {
      outcomes[index] = outcome;
    };
    const id = write.type === 'insert' ? write.row.id : write.id;
    // Writes of one job keep their order: the second waits for the round after the first's.
    const turn = turns.get(id) ?? 0;
    turns.set(id, turn + 1);
    const round = (rounds[turn] ??= {inserts: [], updates: []});
    try {
      if (write.type === 'insert') {
        const columns = insertColumns(write.row, write.facts, time);
        round.inserts.push({write, columns, details: [], settle});
      } else {
        const columns = updateColumns(write, time);
        round.updates.push({write, columns, details: detailColumns(write, time), settle});
      }
    } catch (error) {
      if (!(error instanceof LinkisError)) throw error;
      settle(refused(error));
    }
  });
  await facets.learn(rounds.flatMap(({inserts}) => inserts.map(({columns}) => columns.job)));
  for (const {inserts, updates} of rounds) {
    const numbered = inserts.map(entry => withFacet(entry, facets));
    await inLanes([
      ...chunks(numbered).map(chunk => () => insertChunk(session, chunk)),
      ...shapes(updates)
        .flatMap(chunks)
        .map(chunk => () => updateChunk(session, chunk)),
    ]);
  }
  return outcomes;
}

const withFacet = (entry: Entry<JobInsert>, facets: FacetBook): Entry<JobInsert> => {
  const {history, job, texts} = entry.columns;
  return {...entry, columns: {history, texts, job: {...job, facet: facets.numberOf(job)}}};
};

/** Runs all tasks, a few at a time. After a failure no further one is begun, and none is under way when it rejects. */
async function inLanes(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = tasks.values();
  let failure: {error: unknown} | undefined;
  const lane = async (): Promise<void> => {
    for (const task of waiting) {
      if (failure !== undefined) return;
      await task().catch((error: unknown) => {
        failure ??= {error};
      });
    }
  };
  await Promise.all(Array.from({length: Math.min(lanesMax, tasks.length)}, lane));
  if (failure !== undefined) throw failure.error;
}

function chunks<E extends Entry>(entries: readonly E[]): E[][] {
  const made: E[][] = [];
  let characters = 0;
  for (const entry of entries) {
    const size = sizeOf(entry.columns);
    const last = made.at(-1);
    if (last === undefined || last.length >= chunkMax.jobs || characters + size > chunkMax.characters) {
      made.push([entry]);
      characters = size;
    } else {
      last.push(entry);
      characters += size;
    }
  }
  return made;
}

const sizeOf = ({history}: JobColumns): number =>
  Object.values(history).reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : 8),
    0,
  );

/** Updates that one statement can do. */
function shapes(updates: readonly Entry<JobUpdate>[]): Entry<JobUpdate>[][] {
  const groups = new Map<string, Entry<JobUpdate>[]>();
  for (const entry of updates) {
    const {write, columns, details} = entry;
    const {status} = write.set;
    const shape = [
      write.owner,
      isEnd(write),
      endsAttempt(status),
      write.from.join(),
      Object.keys(columns.history).join(),
      Object.keys(columns.job).join(),
      // Texts of their own need more than one statement, so such an update goes alone.
      columns.texts.length === 0 && details.length === 0 ? '' : write.id,
    ].join('\n');
    const group = groups.get(shape);
    if (group === undefined) groups.set(shape, [entry]);
    else group.push(entry);
  }
  return [...groups.values()];
}

// ---- inserts ----

async function insertChunk(session: SqlSession, entries: readonly Entry<JobInsert>[]): Promise<void> {
  const first = entries[0];
  if (first === undefined) return;
  try {
    await session.transaction(async inside => {
      await insertRows(
        inside,
        historyTable,
        entries.map(({columns}) => columns.history),
      );
      await insertRows(
        inside,
        jobTable,
        entries.map(({columns}) => columns.job),
      );
      for (const {write, columns} of entries) await putTexts(inside, write.row.id, columns);
    });
    for (const {settle} of entries) settle(written);
  } catch (error) {
    if (!(error instanceof DuplicateKeyError || error instanceof ValueRefusedError)) throw error;
    await insertRest(session, entries, error);
  }
}

/** Something is wrong with at least one of the entries; finds out which, and inserts the others. */
async function insertRest(
  session: SqlSession,
  entries: readonly Entry<JobInsert>[],
  error: DuplicateKeyError | ValueRefusedError,
): Promise<void> {
  const rows = await readRows(
    session,
    entries.map(({write}) => write.row.id),
  );
  const rest: Entry<JobInsert>[] = [];
  for (const entry of entries) {
    const row = rows.get(entry.write.row.id);
    if (row === undefined) rest.push(entry);
    else entry.settle(insertOutcome(entry.write, entry.columns.history, row));
  }
  if (rest.length < entries.length) return insertChunk(session, rest);
  const [only] = rest;
  if (rest.length === 1 && only !== undefined) return only.settle(refused(refusalOf(only.write, error)));
  const middle = rest.length >> 1;
  await insertChunk(session, rest.slice(0, middle));
  await insertChunk(session, rest.slice(middle));
}

function refusalOf({row, facts}: JobInsert, error: DuplicateKeyError | ValueRefusedError): LinkisError {
  if (error instanceof ValueRefusedError) return error;
  return error.key.includes('idempotency')
    ? new IdempotencyKeyTakenError(facts.idempotencyKey ?? '', row.submitUser)
    : new TaskIdTakenError(row.id);
}

async function insertRows(inside: SqlStatements, table: string, rows: readonly Columns[]): Promise<void> {
  const names = Object.keys(rows[0] ?? {});
  const one = `(${placeholders(names.length)})`;
  await inside.run(
    `insert into ${table} (${names.join(', ')}) values ${rows.map(() => one).join(', ')}`,
    rows.flatMap(row => names.map(name => row[name] ?? null)),
  );
}

async function putTexts(inside: SqlStatements, id: number, {texts}: JobColumns): Promise<void> {
  for (const {kind, content} of texts) {
    await inside.run(`replace into ${textTable} (job_id, kind, content) values (?, ?, ?)`, [
      id,
      kind,
      content,
    ]);
  }
}

// ---- updates ----

async function updateChunk(session: SqlSession, entries: readonly Entry<JobUpdate>[]): Promise<void> {
  const first = entries[0];
  if (first === undefined) return;
  try {
    const matched = await runUpdate(session, entries);
    // Two rows a job, one in each table; a server counts what it matched, changed or not.
    if (matched === 2 * entries.length) {
      await addAttemptDetails(session, entries);
      return entries.forEach(({settle}) => settle(written));
    }
  } catch (error) {
    if (!(error instanceof ValueRefusedError)) throw error;
    if (entries.length === 1) return first.settle(refused(error));
    const middle = entries.length >> 1;
    await updateChunk(session, entries.slice(0, middle));
    return updateChunk(session, entries.slice(middle));
  }
  await deriveOutcomes(session, entries);
}

async function deriveOutcomes(session: SqlSession, entries: readonly Entry<JobUpdate>[]): Promise<void> {
  const rows = await readRows(
    session,
    entries.map(({write}) => write.id),
  );
  for (const entry of entries) {
    const outcome = updateOutcome(entry.write, entry.columns.history, rows.get(entry.write.id));
    entry.settle(outcome.type === 'matches' ? await adopt(session, entry) : outcome);
  }
  await addAttemptDetails(session, entries);
}

/**
 * A statement of its own after the change, so that no change ever holds its rows for a second round trip. A node that dies
 * in between leaves an attempt without its detail, which whoever reads it takes from the row.
 */
async function addAttemptDetails(session: SqlSession, entries: readonly Entry<JobUpdate>[]): Promise<void> {
  if (!endsAttempt(entries[0]?.write.set.status)) return;
  const ids = entries.filter(({details}) => details.length === 0).map(({write}) => write.id);
  if (ids.length > 0) await session.run(attemptDetailSql(serverWords.insertOrIgnore, ids.length), ids);
}

const isEnd = ({set: {status}}: JobUpdate): boolean => status !== undefined && isTerminal(status);

/** A row that Linkis, or somebody by hand, inserted has no row in `tenon_job` yet: that is why nothing matched. */
async function adopt(session: SqlSession, entry: Entry<JobUpdate>): Promise<WriteOutcome> {
  const {write, columns} = entry;
  await session.run(
    `insert ignore into ${jobTable}
      (id, engine_id, tenant, request_id, creator, code_type, submit_user, execute_user, status, is_open, engine_type,
       instance, engine_instance, created_ms, cost_ms)
      select id, '', '', '', '', '', coalesce(submit_user, ''), coalesce(execute_user, ''), coalesce(status, ''), 1,
       coalesce(engine_type, ''), lower(coalesce(instances, '')), '',
       coalesce(timestampdiff(microsecond, '1970-01-01', created_time) div 1000, 0), 0
      from ${historyTable} where id = ?`,
    [write.id],
  );
  if ((await runUpdate(session, [entry])) === 2) return written;
  const outcome = updateOutcome(write, columns.history, (await readRows(session, [write.id])).get(write.id));
  if (outcome.type !== 'matches') return outcome;
  throw new Error(`Job ${write.id} matches its update, but was not changed.`);
}

/** The number of rows matched in both tables. */
async function runUpdate(session: SqlSession, entries: readonly Entry<JobUpdate>[]): Promise<number> {
  const [first] = entries;
  if (first === undefined) return 0;
  const {write, columns} = first;
  const ids = entries.map(entry => entry.write.id);
  const values: SqlValue[] = [];
  const valueOf = (pick: (entry: Entry<JobUpdate>) => SqlValue): string => {
    const all = entries.map(pick);
    if (all.every(value => value === all[0])) {
      values.push(all[0] ?? null);
      return '?';
    }
    entries.forEach((entry, index) => values.push(entry.write.id, all[index] ?? null));
    return `case h.id ${'when ? then ? '.repeat(entries.length)}end`;
  };
  const cost = (): string => `greatest(0, ${valueOf(entry => entry.write.set.updatedTime)} - j.created_ms)`;
  const set = [
    ...Object.keys(columns.history).map(
      name => `h.${name} = ${valueOf(entry => entry.columns.history[name] ?? null)}`,
    ),
    ...Object.keys(columns.job).map(
      name => `j.${name} = ${valueOf(entry => entry.columns.job[name] ?? null)}`,
    ),
    `j.cost_ms = ${cost()}`,
    ...(isEnd(write) ? [`j.took_ms = ${cost()}`] : []),
  ];
  const sql = `update ${historyTable} h join ${jobTable} j on j.id = h.id set ${set.join(', ')}
    where h.id in (${placeholders(ids.length)}) and h.instances = ? and h.status in (${placeholders(write.from.length)})`;
  const all = [...values, ...ids, write.owner, ...write.from];
  if (columns.texts.length === 0 && first.details.length === 0) return (await session.run(sql, all)).changes;
  return session.transaction(async inside => {
    const {changes} = await inside.run(sql, all);
    if (changes !== 2) return changes;
    await putTexts(inside, write.id, columns);
    for (const detail of first.details) await putDetail(inside, detail);
    return changes;
  });
}

async function putDetail(inside: SqlStatements, detail: Columns): Promise<void> {
  const names = Object.keys(detail);
  await inside.run(
    `insert ignore into ${detailTable} (${names.join(', ')}) values (${placeholders(names.length)})`,
    Object.values(detail),
  );
}

async function readRows(session: SqlSession, ids: readonly number[]): Promise<Map<number, SqlRow>> {
  const rows = await session.all(
    `select ${outcomeColumns} from ${historyTable} where id in (${placeholders(ids.length)})`,
    ids,
  );
  return new Map(rows.map(row => [integerOf(row, 'id'), row]));
}
