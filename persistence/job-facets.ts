/**
 * The numbers of `tenon_job_facet`: which combination of user, creator, engine type, … a job has. A number stands in the job's
 * row from its insert on, if the combination is known by then; otherwise `history-upkeep.ts` fills it in, as it does for rows
 * that an older node, or Linkis, wrote. Whoever lists by these numbers must look at rows without one, too.
 */
import type {Columns} from './job-columns.ts';
import {integerOf} from './sql-row.ts';
import type {SqlSession, SqlValue} from './sql-session.ts';

export const facetTable = 'tenon_job_facet';

export const facetColumns = [
  'submit_user',
  'execute_user',
  'creator',
  'engine_type',
  'code_type',
  'instance',
  'tenant',
] as const;

export type FacetBook = {
  /** Looks up, or writes down, what is not known yet; a few of them, so that no commit waits long. */
  readonly learn: (jobs: readonly Columns[]) => Promise<void>;
  /** The number of a job's combination; null if it is not known yet. */
  readonly numberOf: (job: Columns) => number | null;
};

const rememberedMax = 20_000;
const learntAtOnceMax = 32;

/** One for each session: it remembers what is committed, and rows are never removed. */
export function facetBook(session: Pick<SqlSession, 'all' | 'run' | 'words'>): FacetBook {
  const numbers = new Map<string, number>();

  async function look(values: readonly SqlValue[]): Promise<number | undefined> {
    const condition = facetColumns.map(column => `${column} = ?`).join(' and ');
    const [row] = await session.all(`select id from ${facetTable} where ${condition}`, values);
    return row === undefined ? undefined : integerOf(row, 'id');
  }

  async function number(values: readonly SqlValue[]): Promise<number | undefined> {
    const known = await look(values);
    if (known !== undefined) return known;
    const {insertOrIgnore} = session.words;
    const marks = facetColumns.map(() => '?').join(', ');
    await session.run(
      `${insertOrIgnore} into ${facetTable} (${facetColumns.join(', ')}) values (${marks})`,
      values,
    );
    return look(values);
  }

  return {
    async learn(jobs) {
      const missing = new Map<string, readonly SqlValue[]>();
      for (const job of jobs) {
        const key = keyOf(job);
        if (!numbers.has(key)) missing.set(key, valuesOf(job));
        if (missing.size >= learntAtOnceMax) break;
      }
      for (const [key, values] of missing) {
        // Each is a statement of its own: a transaction around them could be undone after its numbers were used.
        const found = await number(values);
        if (found === undefined) continue;
        numbers.set(key, found);
        for (const oldest of numbers.keys()) {
          if (numbers.size <= rememberedMax) break;
          numbers.delete(oldest);
        }
      }
    },
    numberOf: job => numbers.get(keyOf(job)) ?? null,
  };
}

const valuesOf = (job: Columns): SqlValue[] => facetColumns.map(column => job[column] ?? '');
const keyOf = (job: Columns): string => facetColumns.map(column => job[column]).join('\n');
